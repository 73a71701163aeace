//! What is told of a command that has ended.

use std::time::Duration;

use entourage_queue::ItemId;

use super::{exit::Ended, output::Output};
use crate::outcome::Outcome;

/// What is told of a command that has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The item that it worked on.
    pub item: ItemId,
    /// The number of the attempt.
    pub attempt: u32,
    /// How it ended.
    pub ended: Ended,
    /// What that means for the item.
    pub outcome: Outcome,
    /// Its standard output.
    pub stdout: Output,
    /// Its standard error.
    pub stderr: Output,
    /// How long it ran.
    pub took: Duration,
}
