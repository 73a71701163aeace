//! The one thread that writes.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use entourage_core::{Clock, SystemClock, planted};
use rusqlite::Connection;

use crate::sqlite::{
    Durability, Error, Result, Tx,
    bell::Notice,
    checkpoint::LogKeeper,
    connection::{Level, run, undo},
    counters::{Counters, count},
    epochs::Epochs,
    identity::FileId,
    job::{Job, Jobs},
    meta::{self, Tenure},
    reader::{check_place, check_tenure},
    side_lock::SideLock,
};

/// The most jobs that share a commit.
const GROUP: usize = 256;
/// How long a group takes in what still arrives.
const GATHERING: Duration = Duration::from_millis(20);

/// How long a group waits for a caller who was in the last one.
const LINGER: Duration = Duration::from_micros(50);

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

/// A job of the group at hand.
struct Member {
    job: Box<dyn Job>,
    /// It brought the transaction down itself, so its own answer is the true one.
    answers_for_itself: bool,
}

/// What became of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Committed,
    /// No job changed anything.
    Unchanged,
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

    fn commit_group(&mut self) {
        let mut group = Vec::new();
        let outcome = self.locked(|writer| {
            group.extend(writer.jobs.take(GROUP).into_iter().map(Member::new));
            writer.transact(&mut group)
        });
        // Without the lock there was no group: whoever waits is told why.
        if outcome.is_err() && group.is_empty() {
            group.extend(self.jobs.take(GROUP).into_iter().map(Member::new));
        }
        if outcome.is_err() {
            count(&self.counters.failures);
        }
        for Member { job, answers_for_itself } in group {
            count(&self.counters.jobs);
            let group = if answers_for_itself { Ok(()) } else { outcome.clone().map(drop) };
            job.answer(group);
        }
    }

    /// Runs `work` under the side lock, and rings the bell if it committed.
    fn locked(&mut self, work: impl FnOnce(&mut Self) -> Result<Outcome>) -> Result<Outcome> {
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

    fn transact(&mut self, group: &mut Vec<Member>) -> Result<Outcome> {
        if group.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        check_place(&self.path, self.id)?;
        self.heal()?;
        let is_durable = group.iter().any(|member| member.job.durability() == Durability::Durable);
        let durability = if is_durable { Durability::Durable } else { Durability::Relaxed };
        let mut epochs = self.begin(durability)?;
        let mut unchanged = (self.connection.total_changes(), epochs);

        let until = SystemClock::new().now() + GATHERING;
        let (mut done, mut kept) = (0, 0_usize);
        while done < group.len() {
            if self.connection.is_autocommit() {
                // The job before failed, and nothing had been kept before it.
                epochs = self.begin(durability)?;
                unchanged = (self.connection.total_changes(), epochs);
            }
            kept += usize::from(self.run_job(&mut group[done], &mut epochs, kept > 0)?);
            done += 1;
            let has_room = group.len() < GROUP && SystemClock::new().now() < until;
            if done == group.len() && has_room {
                group.extend(self.absorb(durability, done).map(Member::new));
            }
            if done < group.len() && !epochs.suffices_for_a_job() {
                break;
            }
        }
        self.crowd = done;
        let rest = group.split_off(done);
        self.jobs.give_back(rest.into_iter().map(|member| member.job));

        if kept == 0 {
            undo(&self.connection);
            return Ok(Outcome::Unchanged);
        }
        let is_changed = (self.connection.total_changes(), epochs) != unchanged;
        // An fsync that is due anyway raises the ceiling for nothing.
        if is_changed && durability == Durability::Durable && epochs.is_low() {
            epochs = epochs.raised();
        }
        let is_reserving = epochs != unchanged.1;
        if is_reserving {
            meta::keep(&self.connection, epochs)?;
        }
        // SQLite writes and fsyncs nothing for a transaction that changed nothing.
        run(&self.connection, "COMMIT").map_err(Error::of_commit)?;
        self.has_reserved |= is_reserving;
        if !is_changed {
            return Ok(Outcome::Unchanged);
        }
        count(match durability {
            Durability::Durable => &self.counters.durable_commits,
            Durability::Relaxed => &self.counters.relaxed_commits,
        });
        Ok(Outcome::Committed)
    }

    /// A job that arrives in time to share the commit of a group of `size`.
    ///
    /// Callers of the last group are likely on their way back: to wait a moment for them is
    /// cheaper than the fsync that they would need of their own.
    fn absorb(&self, durability: Durability, size: usize) -> Option<Box<dyn Job>> {
        let is_worth_it = durability == Durability::Durable && size < self.crowd;
        let clock = SystemClock::new();
        let until = clock.now() + if is_worth_it { LINGER } else { Duration::ZERO };
        loop {
            let job = self.jobs.absorb(durability);
            if job.is_some() || clock.now() >= until {
                return job;
            }
            thread::yield_now();
        }
    }

    /// Begins a transaction that has epochs for every job of a group.
    ///
    /// A raised ceiling is on the disk before an epoch above the old one is granted: with the
    /// group, if that is durable, or by a commit of its own.
    fn begin(&mut self, durability: Durability) -> Result<Epochs> {
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

    /// Runs one job; whether it is kept.
    ///
    /// One that comes after others has a savepoint, so that it can be undone alone. Before the
    /// first that is kept the transaction holds nothing else, and is undone as a whole.
    fn run_job(&self, member: &mut Member, epochs: &mut Epochs, is_after_others: bool) -> Result<bool> {
        if is_after_others {
            run(&self.connection, "SAVEPOINT job")?;
        }
        let mut tx = Tx::new(&self.connection, self.tenure.realm, self.clock.now(), epochs);
        let kept = member.job.run(&mut tx);
        if !kept {
            count(&self.counters.failed_jobs);
        }
        if !kept && !is_after_others {
            undo(&self.connection);
            return Ok(false);
        }
        if self.connection.is_autocommit() {
            member.answers_for_itself = !kept;
            return Err(Error::unavailable("another job of the same commit brought it down"));
        }
        if !kept {
            run(&self.connection, "ROLLBACK TO job")?;
        }
        if is_after_others {
            run(&self.connection, "RELEASE job")?;
        }
        Ok(kept)
    }

    /// After a failed fsync, puts the log's contents into the database before going on.
    ///
    /// A later fsync of the log may succeed although the failed one dropped pages, and what
    /// follows a gap in the log is lost with the power.
    fn heal(&mut self) -> Result<()> {
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

impl Member {
    fn new(job: Box<dyn Job>) -> Self {
        Self { job, answers_for_itself: false }
    }
}

struct End(Arc<Jobs>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}
