//! Asking: one authority, bodies whole or in pieces, and errors that say what may have happened.

mod ask;
mod limits;
mod link;
mod pool;
mod progress;
mod request;
mod transfer;
mod upload;
mod wire;

pub use self::{
    ask::Client,
    limits::ClientLimits,
    transfer::Download,
    upload::{Upload, UploadPieces},
};
