//! Fences on HTTP: stamped by the client, verified by the server.

mod claim;
mod gate;
mod respond;
mod stamp;
mod tally;

pub use self::{
    gate::{FenceGate, FenceLayer},
    respond::{Rejection, Respond, Text},
    stamp::{NotHeld, StampLayer, Stamped},
};
