//! What a file has done since it was opened.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::sqlite::pin::Pinned;

/// What a file has done since this process opened it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Jobs answered, whatever the answer.
    pub jobs: u64,
    /// Jobs that ended in an error and were undone.
    pub failed_jobs: u64,
    /// Reads answered, whatever the answer.
    pub reads: u64,
    /// Commits whose log was fsynced: each is one fsync.
    pub durable_commits: u64,
    /// Commits without an fsync of their own.
    pub relaxed_commits: u64,
    /// Groups that failed as a whole, with every job in them.
    pub failures: u64,
    /// Times the log was emptied because it had grown; SQLite's own checkpoints come on top.
    pub checkpoints: u64,
    /// Times the ceiling of the epochs was raised by a commit, and an fsync, of its own.
    pub reservations: u64,
    /// Times the bell was heard.
    pub bells: u64,
    /// Commits of other processes noticed.
    pub notices: u64,
    /// The log's size in bytes when last looked at.
    pub wal_bytes: u64,
    /// Who kept the log from being emptied, when last warned of.
    pub pinned: Option<Pinned>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) jobs: AtomicU64,
    pub(crate) failed_jobs: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) durable_commits: AtomicU64,
    pub(crate) relaxed_commits: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) reservations: AtomicU64,
    pub(crate) bells: AtomicU64,
    pub(crate) notices: AtomicU64,
    pub(crate) wal_bytes: AtomicU64,
    pinned: Mutex<Option<Pinned>>,
}

impl Counters {
    pub(crate) fn pin(&self, pinned: Pinned) {
        *self.pinned.lock().unwrap_or_else(PoisonError::into_inner) = Some(pinned);
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            jobs: self.jobs.load(Relaxed),
            failed_jobs: self.failed_jobs.load(Relaxed),
            reads: self.reads.load(Relaxed),
            durable_commits: self.durable_commits.load(Relaxed),
            relaxed_commits: self.relaxed_commits.load(Relaxed),
            failures: self.failures.load(Relaxed),
            checkpoints: self.checkpoints.load(Relaxed),
            reservations: self.reservations.load(Relaxed),
            bells: self.bells.load(Relaxed),
            notices: self.notices.load(Relaxed),
            wal_bytes: self.wal_bytes.load(Relaxed),
            pinned: self.pinned.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
