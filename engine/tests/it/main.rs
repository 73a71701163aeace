//! What the SQLite file, the link to Redis and the conformance harness promise, through their public API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod conformance;
mod fair;
mod identity;
mod log;
mod notice;
mod processes;
mod redis;
mod support;
mod writing;
