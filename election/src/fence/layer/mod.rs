//! Fences on HTTP: stamped by the client, verified by the server.

mod gate;
mod respond;
mod stamp;

pub use self::{
    gate::{FenceGate, FenceLayer},
    respond::{Rejection, Respond, Text},
    stamp::{NotHeld, StampLayer, Stamped},
};
