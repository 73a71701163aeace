//! Notice of commits that may concern a receiver or a publisher.

use std::future;

use entourage_engine::sqlite::{Changes, SqliteFile};

use crate::{broker::Activity, sqlite::fault::Result};

/// Wakes when something may have become ready, or some topic roomier.
///
/// The file tells of every commit, also of a lease's own sign of life. If those woke a
/// receiver it would ask again and so wake itself for ever; hence the number that only moves
/// when there is something to ask for.
#[derive(Debug)]
pub(super) struct Stirs {
    file: SqliteFile,
    changes: Changes,
    last: Option<i64>,
    /// A commit was noticed and not looked at: a dropped wait must not lose it.
    noticed: bool,
}

impl Stirs {
    pub(super) fn new(file: &SqliteFile) -> Self {
        Self { file: file.clone(), changes: file.changes(), last: None, noticed: false }
    }

    async fn read(&self) -> Result<i64> {
        self.file
            .read(|conn| {
                let mut stirs = conn.prepare_cached("SELECT stirs FROM queue_meta")?;
                Ok(stirs.query_row((), |row| row.get(0))?)
            })
            .await
    }
}

#[async_trait::async_trait]
impl Activity for Stirs {
    async fn next(&mut self) {
        loop {
            if !self.noticed {
                if !self.changes.next().await {
                    // The file is closed, and nothing changes any more.
                    future::pending::<()>().await;
                }
                self.noticed = true;
            }
            let stirs = self.read().await;
            self.noticed = false;
            // Where even this cannot be read, whoever waits is to hear why from its own call.
            let Ok(stirs) = stirs else { return };
            if self.last.replace(stirs) != Some(stirs) {
                return;
            }
        }
    }
}
