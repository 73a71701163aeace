//! One SQLite file, shared by the processes of one machine.
//!
//! [`SqliteFile`] owns the threads; a backend brings its [`Schema`] and its jobs. SQLite's
//! types appear here on purpose: this module is internal to the family and outside semver.

mod bell;
mod checkpoint;
mod connection;
mod counters;
mod epochs;
mod error;
mod file;
mod gate;
mod group;
mod identity;
mod job;
mod meta;
mod open;
mod options;
mod pin;
mod reader;
mod side_lock;
mod transaction;
mod writer;

pub use self::{
    bell::Changes,
    counters::Stats,
    epochs::EPOCHS_PER_JOB,
    error::{Cause, Error, Result},
    file::SqliteFile,
    job::{Durability, Pending},
    options::{Options, Schema},
    pin::Pinned,
    transaction::Tx,
};
