//! Where work comes from: directories, HTTP, mergers, and what strangers make of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod book;
mod directory;
mod drawing;
mod finishing;
mod foreign;
mod hostile_names;
mod merging;
mod serving;
mod topic_faults;
mod topics;
