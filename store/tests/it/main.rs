//! What the suite itself promises, and long random sequences.

mod contract;
#[cfg(feature = "etcd")]
mod etcd;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod model;
mod mutants;
#[cfg(feature = "redis")]
mod redis;
