//! What a watch has read and not yet handed out, and where that leaves it.

use std::{collections::VecDeque, future};

use entourage_core::{Clock, Moment, planted};

use crate::{entry::Version, watch::Change};

/// The changes that one look at the history found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Whole commits, in order; or a lone [`Change::Resync`].
    pub(crate) changes: Vec<Change>,
    /// Every change up to this commit has been looked at.
    pub(crate) through: Version,
}

/// The pure half of a watch.
#[derive(Debug)]
pub(crate) struct Feed {
    prefix: String,
    ready: VecDeque<Change>,
    through: Version,
    position: Version,
}

impl Feed {
    /// Whole commits are added to a batch until it has this many changes.
    pub(crate) const BATCH: usize = 64;
    /// Or values of this many bytes, where reading copies them.
    #[cfg(feature = "sqlite")]
    pub(crate) const BATCH_BYTES: usize = 4 * 1024 * 1024;

    pub(crate) fn new(prefix: &str, after: Version) -> Self {
        Self { prefix: prefix.to_owned(), ready: VecDeque::new(), through: after, position: after }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The commit after which the next batch begins.
    pub(crate) const fn through(&self) -> Version {
        self.through
    }

    /// The last commit whose changes have all been handed out.
    pub(crate) const fn position(&self) -> Version {
        self.position
    }

    /// Takes in a batch; only when nothing is left of the one before.
    pub(crate) fn fill(&mut self, batch: Batch) {
        debug_assert!(self.ready.is_empty(), "a batch is read only when the last one is handed out");
        self.through = batch.through;
        if planted("store-watch-skips") && !batch.changes.is_empty() {
            self.through = Version::new(batch.through.number() + 1);
        }
        self.ready.extend(batch.changes);
        if self.ready.is_empty() {
            self.position = self.through;
        }
    }

    /// The next change, if one was read.
    pub(crate) fn pop(&mut self) -> Option<Change> {
        let change = self.ready.pop_front()?;
        match self.ready.front() {
            None => self.position = self.through,
            Some(next) if next.version() > change.version() => self.position = change.version(),
            // The commit goes on: a new watch would have to repeat it.
            Some(_) => {}
        }
        Some(change)
    }
}

/// Waits for a deadline, if there is one: without one no timer is armed at all.
pub(crate) async fn due(clock: &dyn Clock, deadline: Option<Moment>) {
    match deadline {
        Some(at) if at < Moment::NEVER => clock.sleep_until(at).await,
        _ => future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delete(version: u64) -> Change {
        Change::Delete { key: "k".to_owned(), version: Version::new(version) }
    }

    #[test]
    fn the_position_passes_a_commit_only_when_all_of_it_was_handed_out() {
        let mut feed = Feed::new("", Version::new(1));
        let changes = vec![delete(3), delete(3), delete(5)];
        feed.fill(Batch { changes, through: Version::new(9) });
        assert_eq!(feed.position(), Version::new(1));
        let mut passed = Vec::new();
        while feed.pop().is_some() {
            passed.push(feed.position().number());
        }
        assert_eq!(passed, [1, 3, 9]);
    }

    #[test]
    fn commits_that_changed_nothing_below_the_prefix_are_passed() {
        let mut feed = Feed::new("a/", Version::ZERO);
        feed.fill(Batch { changes: Vec::new(), through: Version::new(4) });
        assert_eq!((feed.pop(), feed.position()), (None, Version::new(4)));
    }
}
