//! Frames of RESP2, the protocol of Redis up to version 6 and of its clients to this day.
//!
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>

mod inline;
mod line;
mod reply;
mod request;

pub(crate) use self::reply::Measure;
pub(crate) use self::{
    line::{Number, number},
    request::{Bounds, Scan, Scanned},
};
