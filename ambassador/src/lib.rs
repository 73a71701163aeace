#![doc = include_str!("../README.md")]

mod error;
mod failure;
mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod limits;
pub mod linked;
mod memcached;
mod mux;
pub mod nutcracker;
mod options;
mod pool;
mod protocol;
mod proxy;
mod redis;
mod stats;
#[cfg(feature = "tls")]
pub mod tls;

pub use self::{
    error::Error,
    limits::Limits,
    options::{Access, Login, OnEjected, Options, Partial},
    proxy::ShardProxy,
    stats::{Figure, PoolCounts, PoolStats, Sample, ServerCounts, ServerStats, Summary},
};
