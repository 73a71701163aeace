#![doc = include_str!("../README.md")]

mod error;
mod function;
mod modulo;
mod ring;
mod shard;

pub use self::{
    error::{Error, Result},
    function::ShardingFunction,
    modulo::Modulo,
    ring::{ConsistentRing, ConsistentRingBuilder, DEFAULT_POINTS_PER_WEIGHT, MAX_POINTS, Server},
    shard::ShardId,
};
