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

impl Report {
    /// How many of its last lines a reason has.
    const LINES: usize = 5;

    /// How it ended, with the last five lines of its standard error: what an attempt that is to be
    /// repeated [explains](crate::Attempt::explain).
    #[must_use]
    pub fn reason(&self) -> String {
        match self.stderr.last_lines(Self::LINES) {
            Some(said) => format!("{}: {said}", self.ended),
            None => self.ended.to_string(),
        }
    }
}
