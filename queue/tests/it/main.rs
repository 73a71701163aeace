//! What the suite itself promises, long random sequences, and the promises by their numbers.

#[path = "../fixtures/mod.rs"]
mod fixtures;
mod model;
mod mutants;
mod promises;
#[cfg(feature = "redis")]
mod redis;
