//! One step of a worker that is several.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use entourage_queue::Item;

use crate::{attempt::Attempt, outcome::Outcome, worker::Worker};

/// How often a step ended in which way, since its [`MultiWorker`](crate::MultiWorker) was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepCounts {
    /// The step.
    pub step: String,
    /// How often it was done.
    pub done: u64,
    /// How often an earlier attempt had done it.
    pub resumed: u64,
    /// How often it was to be tried again.
    pub retried: u64,
    /// How often it said that it never will be done.
    pub dead: u64,
    /// How often it was not tried to its end.
    pub interrupted: u64,
}

/// A worker among others, by its name.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) version: String,
    worker: Arc<dyn Worker>,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    done: AtomicU64,
    resumed: AtomicU64,
    retried: AtomicU64,
    dead: AtomicU64,
    interrupted: AtomicU64,
}

impl Step {
    pub(super) fn new(name: String, version: String, worker: Arc<dyn Worker>) -> Self {
        Self { name, version, worker, tally: Arc::default() }
    }

    /// Does this step.
    pub(super) async fn work(&self, item: &Item, attempt: &Attempt) -> Outcome {
        let outcome = self.worker.work(item, attempt).await;
        let counter = match &outcome {
            Outcome::Done => &self.tally.done,
            Outcome::Retry(_) => &self.tally.retried,
            Outcome::Dead(_) => &self.tally.dead,
            Outcome::Interrupted => &self.tally.interrupted,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    /// Counts that it needed not be done.
    pub(super) fn resume(&self) {
        self.tally.resumed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> StepCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StepCounts {
            step: self.name.clone(),
            done: read(&self.tally.done),
            resumed: read(&self.tally.resumed),
            retried: read(&self.tally.retried),
            dead: read(&self.tally.dead),
            interrupted: read(&self.tally.interrupted),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Step").field(&self.name).field(&self.worker).finish()
    }
}
