//! Waiting for the changes of a store in a file, whichever process makes them.

use std::sync::Arc;

use entourage_engine::sqlite::Changes;

use super::{
    Shared,
    ledger::expired_at,
    schema::nanos,
    snapshot::{self, Look},
};
use crate::{
    entry::Version,
    error::{Error, Result},
    feed::{Feed, due},
    watch::{Change, Watch},
};

/// Reads the history whenever a commit, or a session's deadline, has come.
#[derive(Debug)]
pub(crate) struct SqliteWatch {
    shared: Arc<Shared>,
    commits: Changes,
    feed: Feed,
}

impl SqliteWatch {
    pub(crate) fn new(shared: Arc<Shared>, prefix: &str, after: Version) -> Self {
        let commits = shared.file.changes();
        Self { shared, commits, feed: Feed::new(prefix, after) }
    }

    async fn look(&self) -> Result<Look> {
        let (prefix, after) = (self.feed.prefix().to_owned(), self.feed.through());
        let history = self.shared.history;
        self.shared.read(move |connection| snapshot::changes(connection, &prefix, after, history)).await
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for SqliteWatch {
    async fn next(&mut self) -> Result<Change> {
        loop {
            if let Some(change) = self.feed.pop() {
                self.shared.counts.saw(&change);
                return Ok(change);
            }
            let Look { batch, deadline } = self.look().await?;
            let quiet = batch.changes.is_empty();
            self.feed.fill(batch);
            if !quiet {
                continue;
            }
            let clock = self.shared.file.clock();
            if deadline.is_some_and(|deadline| nanos(deadline) <= expired_at(clock.now())) {
                // Nobody may call when a session expires, and its end is a change.
                self.shared.reap().await?;
                continue;
            }
            tokio::select! {
                biased;
                is_open = self.commits.next() => if !is_open {
                    return Err(Error::Unavailable("the store's file was closed".into()));
                },
                () = due(&**clock, deadline) => {}
            }
        }
    }

    fn position(&self) -> Version {
        self.feed.position()
    }
}
