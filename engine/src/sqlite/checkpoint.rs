//! Keeps the write-ahead log from growing without end.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use entourage_core::{Clock, Moment, SystemClock};
use rusqlite::Connection;

use crate::sqlite::{
    counters::{Counters, count},
    gate::Gate,
    identity::FileId,
    pin::Pinned,
    side_lock::beside,
};

/// How long a checkpoint may wait for readers while it holds writers up.
const WAIT: Duration = Duration::from_millis(100);
/// How long after one that failed the next is tried, unless the log grows by an eighth before.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a log that cannot be emptied is warned of.
const WARNING: Duration = Duration::from_secs(60);

/// Watches the log's size.
///
/// SQLite itself copies the log into the database as it goes and starts it anew when no
/// reader is in it; readers that overlap without end can keep it from that. So above half
/// the limit the log is emptied by force: this process's readers are held up for a moment,
/// and others' find everything in the database then and need no place in the log.
#[derive(Debug)]
pub(crate) struct LogKeeper {
    wal: PathBuf,
    shm: PathBuf,
    limit: u64,
    next_try: Moment,
    next_size: u64,
    next_warning: Moment,
    gate: Arc<Gate>,
    counters: Arc<Counters>,
}

impl LogKeeper {
    pub(crate) fn new(database: &Path, limit: u64, gate: Arc<Gate>, counters: Arc<Counters>) -> Self {
        Self {
            wal: beside(database, "-wal"),
            shm: beside(database, "-shm"),
            limit,
            next_try: Moment::ZERO,
            next_size: 0,
            next_warning: Moment::ZERO,
            gate,
            counters,
        }
    }

    /// Whether the log has grown so far that it is to be emptied, or warned of, now.
    pub(crate) fn is_due(&self) -> bool {
        let size = self.size();
        if size <= self.limit / 2 {
            return false;
        }
        let now = SystemClock::new().now();
        now >= self.next_try || size >= self.next_size || (size > self.limit && now >= self.next_warning)
    }

    /// Empties the log, or warns of who keeps it full; whether it is empty. Run under the side lock.
    pub(crate) fn empty(&mut self, connection: &Connection, patience: Duration) -> rusqlite::Result<bool> {
        let closed = self.gate.close(WAIT);
        let emptied = truncate(connection, WAIT, patience);
        drop(closed);
        if emptied == Ok(true) {
            count(&self.counters.checkpoints);
            self.size();
            return emptied;
        }
        let now = SystemClock::new().now();
        let size = self.size();
        self.next_try = now + PAUSE;
        self.next_size = size + self.limit / 8;
        if size > self.limit && now >= self.next_warning {
            self.next_warning = now + WARNING;
            self.warn(size);
        }
        emptied
    }

    fn size(&self) -> u64 {
        let size = fs::metadata(&self.wal).map_or(0, |log| log.len());
        self.counters.wal_bytes.store(size, Ordering::Relaxed);
        size
    }

    fn warn(&self, size: u64) {
        let inode = FileId::of(&self.shm).map_or(0, |id| id.inode);
        let pinned = Pinned::by(inode, size);
        tracing::warn!(
            log = %self.wal.display(),
            bytes = size,
            limit = self.limit,
            pid = pinned.pid,
            command = pinned.command,
            "the write-ahead log cannot be emptied while {pinned} goes on reading; end that transaction"
        );
        self.counters.pin(pinned);
    }
}

/// Copies the whole log into the database and empties it; false if readers are in its way.
fn truncate(connection: &Connection, wait: Duration, patience: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(wait)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i32>(0));
    connection.busy_timeout(patience)?;
    Ok(busy? == 0)
}
