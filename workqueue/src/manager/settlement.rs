//! What an attempt's end comes to: the step that settles it, with its record in the ledger.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use entourage_core::{Backoff, planted};
use entourage_queue::{Delivery, Release, StateWrite, Step};

use crate::{
    manager::{ledger::Entry, options::WorkQueueOptions, shared::Counts},
    outcome::Outcome,
};

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum End {
    /// As its worker says.
    Outcome(Outcome),
    /// Its worker did not end in time.
    TimedOut,
    /// Its worker panicked, and said this.
    Panicked(String),
    /// The source no longer has the item.
    Vanished,
    /// The source let go of the item when it was given up, and it was redriven since.
    LetGo,
    /// The source did not give the item, which says nothing of the item.
    Away,
    /// The source answered with something that is not the item.
    Unfetchable(String),
}

/// Turns ends into steps. Pure but for its seed.
#[derive(Debug)]
pub(super) struct Settlement {
    options: WorkQueueOptions,
    counts: Counts,
    seed: u64,
}

impl Settlement {
    pub(super) const fn new(options: WorkQueueOptions, counts: Counts, seed: u64) -> Self {
        Self { options, counts, seed }
    }

    /// Adds what `end` comes to. `said` is the worker's last word, and `tries` says how often the
    /// source has failed in a row.
    pub(super) fn settle(
        &mut self,
        delivery: Delivery,
        end: End,
        said: Option<String>,
        tries: u32,
        step: Step,
    ) -> Step {
        let name = delivery.id().to_shared();
        match end {
            End::Outcome(Outcome::Done) => {
                self.counts.done.increment();
                Outcome::Done.settle(delivery, record(step, &name, Entry::Done))
            }
            End::Outcome(Outcome::Retry(after)) => {
                self.counts.retried.increment();
                let why = said.filter(|_| !planted("workqueue-forgets-reasons"));
                let why = why.unwrap_or_else(|| "its worker asked for another attempt".to_owned());
                self.retry(delivery, after, &why, step)
            }
            End::TimedOut => {
                self.counts.timed_out.increment();
                let why = format!("its worker took longer than {:?}", self.options.time_limit);
                self.retry(delivery, Duration::ZERO, &with(why, said), step)
            }
            End::Panicked(message) => {
                self.counts.panicked.increment();
                let why = format!("its worker panicked: {message}");
                self.retry(delivery, Duration::ZERO, &with(why, said), step)
            }
            End::Unfetchable(why) => {
                self.counts.retried.increment();
                self.retry(delivery, Duration::ZERO, &format!("it could not be fetched: {why}"), step)
            }
            End::Outcome(Outcome::Dead(why)) => self.bury(delivery, why, step),
            End::Outcome(Outcome::Interrupted) => {
                self.counts.interrupted.increment();
                if planted("workqueue-burns-interrupted") {
                    return step.retry(delivery, Duration::ZERO);
                }
                Outcome::Interrupted.settle(delivery, step)
            }
            End::Vanished => {
                self.counts.vanished.increment();
                tracing::info!(item = %delivery.id(), "the source no longer has the item; it is accepted undone");
                step.accept(delivery).state(write(&name, None))
            }
            End::LetGo => {
                self.counts.vanished.increment();
                self.counts.dead.increment();
                let why = "its source let go of it when it was given up; add it to the source again";
                tracing::warn!(item = %delivery.id(), why, "a redriven item stays a dead letter");
                // No record: the source has been told, and a new item of that name is another one.
                Outcome::Dead(why.to_owned()).settle(delivery, step)
            }
            End::Away => {
                let after = self.delay(tries);
                let mut step = step;
                step.release.push(Release { delivery, after, retry: false });
                step
            }
        }
    }

    /// Another attempt after `after`, or later; a dead letter if it was the last one.
    fn retry(&mut self, delivery: Delivery, after: Duration, why: &str, step: Step) -> Step {
        let failed = delivery.retries().saturating_add(1);
        if failed >= self.options.attempts && !planted("workqueue-retries-for-ever") {
            let why = format!("it failed {failed} times; the last time {why}");
            return self.bury(delivery, why, step);
        }
        let after = after.max(self.delay(failed));
        Outcome::Retry(after).settle(delivery, step)
    }

    fn bury(&self, delivery: Delivery, why: String, step: Step) -> Step {
        self.counts.dead.increment();
        tracing::warn!(item = %delivery.id(), why, "an item is given up");
        let name = delivery.id().to_shared();
        Outcome::Dead(why).settle(delivery, record(step, &name, Entry::Dead))
    }

    /// The wait after so many failures: drawn evenly from zero to the first one doubled as
    /// often, and from the cap at most.
    fn delay(&mut self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let ceiling = self.options.backoff.saturating_mul(doubled);
        self.seed = self.seed.wrapping_add(1);
        Backoff::new(ceiling, self.options.backoff_cap, self.seed).next_delay()
    }
}

/// A reason with the last word of a worker that could give none itself.
fn with(why: String, said: Option<String>) -> String {
    match said {
        Some(said) => format!("{why}; its last word was: {said}"),
        None => why,
    }
}

/// Adds a record, which goes with the settlement: both happen, or neither.
fn record(step: Step, name: &Arc<str>, entry: Entry) -> Step {
    step.state(write(name, Some(entry)))
}

fn write(name: &Arc<str>, entry: Option<Entry>) -> StateWrite {
    let value = entry.map(|entry| Bytes::from_static(entry.as_bytes()));
    StateWrite { key: Arc::clone(name), expected: None, value }
}
