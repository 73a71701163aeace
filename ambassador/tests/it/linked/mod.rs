//! The router, linked into a program.

mod connection;
mod servers;
mod shards;
