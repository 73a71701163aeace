#![doc = include_str!("../README.md")]

mod advisory;
mod builder;
mod contender;
mod counts;
mod election;
mod error;
pub mod fence;
mod held;
mod hold;
mod identity;
mod leadership;
mod lease;
mod lock;
mod membership;
#[cfg(test)]
mod model;
mod name;
mod observe;
mod ownership;
mod place;
mod seat;
mod setup;
mod status;
mod timings;

pub use self::{
    advisory::{AdvisoryLock, AdvisoryOwnership},
    builder::Builder,
    election::Election,
    error::{Error, Result},
    held::Held,
    identity::Identity,
    leadership::Leadership,
    lock::LeaseLock,
    name::{InvalidName, Name},
    observe::{Leader, Observed, Observer},
    ownership::{Ownership, Ran},
    status::Status,
    timings::{ImpossibleTimings, Timings, TimingsBuilder},
};
