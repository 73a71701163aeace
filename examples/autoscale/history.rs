//! What was seen of the pool, second by second.

use std::time::Duration;

use entourage::workqueue::{Scaling, WorkQueue};

/// What was seen at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub at: Duration,
    /// Items that have come so far, and those that are done.
    pub arrived: u64,
    pub done: u64,
    /// Items that wait for a worker, and those that one has.
    pub waiting: u64,
    pub working: u64,
    /// What the scaler knew when it last decided, and what it decided.
    pub scaling: Scaling,
}

impl Sample {
    pub fn of(manager: &WorkQueue, at: Duration) -> Self {
        let counters = manager.counters();
        let count = |name| counters.counter(name).value();
        let (arrived, done) = (count("items_published_total"), count("attempts_done_total"));
        let working = count("attempts_working");
        let waiting = arrived.saturating_sub(done + working);
        Self { at, arrived, done, waiting, working, scaling: manager.scaling() }
    }

    pub fn workers(&self) -> usize {
        self.scaling.parallelism
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct History {
    pub samples: Vec<Sample>,
}

/// The pool had another size.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub from: usize,
    pub seen: Sample,
}

impl Change {
    pub fn grew(&self) -> bool {
        self.seen.workers() > self.from
    }

    /// How busy the workers would have been that there were before.
    pub fn utilisation(&self) -> Option<f64> {
        let share = self.seen.scaling.utilisation?;
        Some(share * self.seen.workers() as f64 / self.from.max(1) as f64)
    }
}

impl History {
    pub fn push(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    pub fn last(&self) -> Sample {
        self.samples.last().copied().unwrap_or_default()
    }

    /// When the pool had another size than before.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        pairs.filter(|(a, b)| a.workers() != b.workers()).map(|(a, b)| Change { from: a.workers(), seen: *b })
    }

    /// The most workers that there were.
    pub fn peak(&self) -> usize {
        self.samples.iter().map(Sample::workers).max().unwrap_or(0)
    }
}
