//! The promises of the workflow crate, through its public API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod graph;
mod numbers;
mod reduce;
mod sharder;
mod source;
mod work;
