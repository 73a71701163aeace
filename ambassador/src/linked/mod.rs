//! The router of the Redis proxy, linked into a program: no hop, no channel, no task.
//!
//! [`Router`] is a [`tower_service::Service`] of [`Command`]s over one service per shard, which
//! is whatever a program talks to a Redis with. It places keys, splits and merges, refuses and answers
//! as [`ShardProxy`](crate::ShardProxy) does, by the same code.

mod buffer;
mod builder;
mod command;
mod error;
mod future;
mod reply;
mod router;
mod service;
mod spans;

pub use self::{
    builder::RouterBuilder,
    command::Command,
    error::{Error, InvalidFrame, ShardFailed, Unroutable},
    future::ResponseFuture,
    reply::{Reply, Value},
    router::Router,
};
