//! The jobs that share a commit.

use std::{thread, time::Duration};

use entourage_core::{Clock, SystemClock};

use crate::sqlite::{
    Durability, Error, Result, Tx,
    connection::{run, undo},
    counters::count,
    epochs::Epochs,
    job::Job,
    meta,
    reader::check_place,
    writer::Writer,
};

/// The most jobs that share a commit.
const GROUP: usize = 256;
/// How long a group takes in what still arrives.
const GATHERING: Duration = Duration::from_millis(20);
/// How long a group waits for a caller who was in the last one.
const LINGER: Duration = Duration::from_micros(50);

/// A job of the group at hand.
struct Member {
    job: Box<dyn Job>,
    /// It brought the transaction down itself, so its own answer is the true one.
    answers_for_itself: bool,
}

/// What became of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Committed,
    /// No job changed anything.
    Unchanged,
}

impl Writer {
    /// Commits the jobs at the front of the line, and those that still arrive, and answers them.
    pub(crate) fn commit_group(&mut self) {
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

    /// Runs the jobs of a group, to which it adds and from which it gives back, in one transaction.
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
}

impl Member {
    fn new(job: Box<dyn Job>) -> Self {
        Self { job, answers_for_itself: false }
    }
}
