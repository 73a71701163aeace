//! The file, as a backend holds it.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use entourage_core::{Clock, Realm, SystemClock};

use crate::sqlite::{
    Changes, Durability, Error, Pending, Result, Stats, Tx,
    bell::{Bell, Notice},
    counters::Counters,
    job::Jobs,
    meta::Tenure,
    reader::Readers,
};

/// One SQLite file, open for reading and writing.
///
/// Clones share it. When the last is dropped the writer does what is still in its line,
/// and the threads end. Once no process has the file open, whatever was relaxed is on the disk.
#[derive(Clone)]
pub struct SqliteFile {
    pub(crate) inner: Arc<Inner>,
}

/// What the clones share.
pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    pub(crate) tenure: Tenure,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) patience: Duration,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) writer: Option<JoinHandle<()>>,
    pub(crate) readers: Readers,
    pub(crate) bell: Bell,
    pub(crate) notice: Notice,
    pub(crate) counters: Arc<Counters>,
}

impl SqliteFile {
    /// This incarnation of the file; a copy gets another when it is adopted.
    #[must_use]
    pub fn realm(&self) -> Realm {
        self.inner.tenure.realm
    }

    /// The clock that [`Tx::now`] reads.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Where the file lies, links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// What was done with the file since it was opened here.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.counters.stats()
    }

    /// Runs `job` in a savepoint of its own; callers share a commit.
    ///
    /// An error of the job undoes what it did, and only that.
    ///
    /// # Errors
    /// What the job answers; [`Error::Unavailable`] and [`Error::DiskFull`] when nothing
    /// happened, [`Error::Unknown`] when the commit itself failed, [`Error::Replaced`] and
    /// [`Error::Foreign`] when the file is another's by now, [`Error::Panicked`].
    ///
    /// # Cancel safety
    /// Once polled, the job is done whether or not the future lives on.
    pub async fn write<T, E, F>(&self, durability: Durability, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.submit(durability, job).await
    }

    /// [`SqliteFile::write`], without waiting here: for a `Drop`, or to wait elsewhere.
    ///
    /// The job is in line when this returns. The answer waits in the handle; dropping that
    /// cancels nothing.
    pub fn submit<T, E, F>(&self, durability: Durability, job: F) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.jobs.submit(durability, job)
    }

    /// Runs `job` on a snapshot, which ends with the call and sees every answered write.
    ///
    /// # Errors
    /// What the job answers; [`Error::Unavailable`] when it could not be begun,
    /// [`Error::Replaced`] and [`Error::Foreign`] when the file is another's by now,
    /// [`Error::Panicked`].
    ///
    /// # Cancel safety
    /// Dropped, the job runs on or is not begun; it changes nothing.
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, E> + Send + 'static,
    {
        self.inner.readers.read(job).await
    }

    /// A waiter for every commit from now on, by this or another process.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.inner.notice.changes()
    }
}

impl fmt::Debug for SqliteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, tenure, .. } = &*self.inner;
        f.debug_struct("SqliteFile").field("path", path).field("realm", &tenure.realm).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.readers.end();
        self.bell.silence();
        self.jobs.close();
        let Some(writer) = self.writer.take() else { return };
        // The last handle may have been dropped by a job.
        if writer.thread().id() == thread::current().id() {
            return;
        }
        while !self.jobs.wait_for_end(Duration::from_millis(100)) {
            // Another process stands still with the lock: the thread is left to wait.
            if self.jobs.fail_if_stalled(SystemClock::new().now(), self.patience) {
                return;
            }
        }
        // A panic there has been reported by the thread itself.
        let _ = writer.join();
    }
}
