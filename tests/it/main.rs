//! The promises of whole programs, with real processes and real kills.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod killed;
mod plain;
mod shared_state;
