//! Waiting for the changes of a memory store.

use std::sync::Arc;

use tokio::sync::watch;

use super::Shared;
use crate::{
    entry::Version,
    error::Result,
    feed::{Feed, due},
    watch::{Change, Watch},
};

/// Reads the history whenever a commit, or a session's deadline, has come.
#[derive(Debug)]
pub(crate) struct MemoryWatch {
    shared: Arc<Shared>,
    committed: watch::Receiver<Version>,
    feed: Feed,
}

impl MemoryWatch {
    pub(crate) fn new(shared: Arc<Shared>, prefix: &str, after: Version) -> Self {
        let committed = shared.committed.subscribe();
        Self { shared, committed, feed: Feed::new(prefix, after) }
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for MemoryWatch {
    async fn next(&mut self) -> Result<Change> {
        loop {
            if let Some(change) = self.feed.pop() {
                self.shared.counts.saw(&change);
                return Ok(change);
            }
            // Before the look, so that a commit after it is not slept through.
            self.committed.mark_unchanged();
            let (batch, deadline) = self.shared.with(|state, now| {
                let batch = state.read(now, self.feed.prefix(), self.feed.through());
                (batch, state.deadline())
            });
            let quiet = batch.changes.is_empty();
            self.feed.fill(batch);
            if quiet {
                tokio::select! {
                    biased;
                    // The sender lives in `shared`, so this ends only by a commit.
                    _ = self.committed.changed() => {}
                    // Nobody may call when a session expires, and its end is a change.
                    () = due(&*self.shared.clock, deadline) => {}
                }
            }
        }
    }

    fn position(&self) -> Version {
        self.feed.position()
    }
}
