//! What the suite itself promises, and long random sequences.

mod contract;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod model;
mod mutants;
