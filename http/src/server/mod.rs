//! Serving: one connection, one request, one byte at a time, each with a limit.

mod alarm;
mod answer;
mod connection;
mod framing;
mod gate;
mod limits;
mod line;
mod listen;
mod run;

pub use self::{
    limits::Limits,
    line::Peer,
    listen::Listen,
    run::{Served, Server},
};
