//! The one thread that writes.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use entourage_core::{Clock, SystemClock, planted};
use rusqlite::Connection;

use crate::sqlite::{
    Durability, Error, Result,
    bell::Notice,
    checkpoint::LogKeeper,
    connection::{Level, run, undo},
    counters::{Counters, count},
    epochs::Epochs,
    group::Outcome,
    identity::FileId,
    job::Jobs,
    meta::{self, Tenure},
    reader::check_tenure,
    side_lock::SideLock,
};

/// How soon after a group the next job comes where callers come back at once.
const RETURN: Duration = Duration::from_micros(100);

/// Turns jobs into commits, a group at a time.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    pub(crate) id: FileId,
    pub(crate) tenure: Tenure,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) side: Arc<SideLock>,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) notice: Notice,
    pub(crate) keeper: LogKeeper,
    pub(crate) counters: Arc<Counters>,
    pub(crate) patience: Duration,
    pub(crate) level: Level,
    /// How many jobs shared the last commit.
    pub(crate) crowd: usize,
    /// The last group had begun soon after the one before.
    pub(crate) is_busy: bool,
    /// This handle has reserved epochs of its own, above all that its file may have forgotten.
    pub(crate) has_reserved: bool,
    /// A commit failed half-way, so what lies in the log may not be on the disk.
    pub(crate) doubtful: bool,
}

impl Writer {
    /// Works until the line is closed and empty.
    pub(crate) fn run(mut self) {
        // However this ends, nobody waits for an answer that will not come.
        let _end = End(Arc::clone(&self.jobs));
        while self.wait() {
            self.commit_group();
            if self.keeper.is_due() {
                self.empty_log();
            }
        }
    }

    /// Waits for a job to arrive; false when none will.
    ///
    /// A thread that sleeps is woken late, and the jobs with it: so it looks a while before it
    /// sleeps, if that would have been long enough the last time.
    fn wait(&mut self) -> bool {
        let clock = SystemClock::new();
        let until = clock.now() + RETURN;
        while self.is_busy && self.jobs.are_awaited() && clock.now() < until {
            thread::yield_now();
        }
        let is_open = self.jobs.wait();
        self.is_busy = clock.now() < until;
        is_open
    }

    /// Runs `work` under the side lock, and rings the bell if it committed.
    pub(crate) fn locked(&mut self, work: impl FnOnce(&mut Self) -> Result<Outcome>) -> Result<Outcome> {
        let side = Arc::clone(&self.side);
        self.jobs.note_wait(Some(SystemClock::new().now()));
        let held = side.lock();
        self.jobs.note_wait(None);
        let held = held.map_err(Error::unavailable)?;

        let outcome = work(self);
        if let Err(error) = &outcome {
            undo(&self.connection);
            if matches!(error, Error::Unknown(_)) {
                self.doubtful = true;
                // Other processes meet the failure at an fsync of their own, but not those that
                // open the file only now: the kernel reports it once.
                let _ = side.doubt(true);
            }
        }
        if outcome.as_ref().is_ok_and(|outcome| *outcome == Outcome::Committed) {
            // Without a bell the others notice by `data_version`, later.
            let _ = held.ring(&self.notice.heard);
            self.notice.give();
        }
        outcome
    }

    /// Begins a transaction that has epochs for every job of a group.
    ///
    /// A raised ceiling is on the disk before an epoch above the old one is granted: with the
    /// group, if that is durable, or by a commit of its own.
    pub(crate) fn begin(&mut self, durability: Durability) -> Result<Epochs> {
        let epochs = self.begin_at(durability)?;
        match durability {
            _ if epochs.has_headroom() => return Ok(epochs),
            Durability::Durable => return Ok(epochs.raised()),
            Durability::Relaxed => undo(&self.connection),
        }
        let epochs = self.begin_at(Durability::Durable)?;
        meta::keep(&self.connection, epochs.raised())?;
        run(&self.connection, "COMMIT").map_err(Error::of_commit)?;
        self.has_reserved = true;
        count(&self.counters.reservations);
        self.begin_at(durability)
    }

    fn begin_at(&mut self, durability: Durability) -> Result<Epochs> {
        let level = match durability {
            Durability::Durable => Level::Full,
            Durability::Relaxed => Level::Normal,
        };
        if level != self.level {
            level.set(&self.connection)?;
            self.level = level;
        }
        run(&self.connection, "BEGIN IMMEDIATE")?;
        let (tenure, epochs) = meta::read(&self.connection)?;
        check_tenure(&self.path, self.tenure, tenure)?;
        // Until this handle was opened a disk may have lost its power, and with it what was
        // granted last, though the machine ran on.
        Ok(if self.has_reserved { epochs } else { epochs.past_the_ceiling() })
    }

    /// After a failed fsync, puts the log's contents into the database before going on.
    ///
    /// A later fsync of the log may succeed although the failed one dropped pages, and what
    /// follows a gap in the log is lost with the power.
    pub(crate) fn heal(&mut self) -> Result<()> {
        let is_doubtful = self.doubtful || self.side.is_doubtful();
        if !is_doubtful || planted("failed-fsync-forgotten") {
            return Ok(());
        }
        if !self.keeper.empty(&self.connection, self.patience)? {
            return Err(Error::unavailable(
                "a commit has failed, and a reader keeps the log from being put right",
            ));
        }
        self.doubtful = false;
        // At worst the log is put right once more.
        let _ = self.side.doubt(false);
        Ok(())
    }

    fn empty_log(&mut self) {
        // The log is looked at again after the next group.
        let _ = self.locked(|writer| {
            writer.keeper.empty(&writer.connection, writer.patience)?;
            Ok(Outcome::Unchanged)
        });
    }
}

struct End(Arc<Jobs>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}
