//! What only a queue in a file has: the file.

mod against_memory;
mod audit;
pub(super) mod clock;
mod file;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{SqliteQueue, SqliteQueueOptions};

use self::clock::TestClock;

/// A directory that is deleted with its guard.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("entourage-queue-{}-{n}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.join("queue.db")
    }

    pub(super) fn open(&self, clock: &Arc<TestClock>) -> SqliteQueue {
        open(&self.path(), clock)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let gone = fs::remove_dir_all(&self.0);
        assert!(gone.is_ok() || gone.is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
    }
}

fn open(path: &Path, clock: &Arc<TestClock>) -> SqliteQueue {
    let options = SqliteQueueOptions::new().with_clock(Arc::clone(clock) as _);
    SqliteQueue::open_with(path, options).unwrap()
}
