//! Asking: one authority, whole small bodies, and errors that say what may have happened.

mod ask;
mod limits;
mod link;
mod pool;
mod progress;
mod wire;

pub use self::{ask::Client, limits::ClientLimits};
