//! What a queue counts, under the names of its node in a blueprint.

use entourage_blueprint::{Blueprint, Counter, Counters, Node, Sink};

use crate::{
    error::{Error, Result},
    item::Published,
    step::{Applied, Step},
};

/// The numbers of one queue, as this process saw them.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    all: Counters,
    published: Counter,
    duplicates: Counter,
    full: Counter,
    pub(crate) leased: Counter,
    accepted: Counter,
    pub(crate) released: Counter,
    retried: Counter,
    rejected: Counter,
    pub(crate) lapsed: Counter,
    pub(crate) poisoned: Counter,
    pub(crate) redriven: Counter,
    steps: Counter,
    repeated: Counter,
    stale: Counter,
    failed: Counter,
}

/// How many deliveries a step settles, by verb.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verbs {
    accepted: u64,
    released: u64,
    retried: u64,
    rejected: u64,
}

impl Verbs {
    pub(crate) fn of(step: &Step) -> Self {
        let retried = step.release.iter().filter(|release| release.retry).count() as u64;
        let released = step.release.len() as u64 - retried;
        Self { accepted: step.accept.len() as u64, released, retried, rejected: step.reject.len() as u64 }
    }
}

impl Counts {
    pub(crate) fn new() -> Self {
        let all = Counters::new(&[
            "items_published_total",
            "items_duplicate_total",
            "publishes_full_total",
            "items_leased_total",
            "items_accepted_total",
            "items_released_total",
            "items_retried_total",
            "items_rejected_total",
            "items_lapsed_total",
            "items_poisoned_total",
            "items_redriven_total",
            "steps_applied_total",
            "steps_repeated_total",
            "steps_stale_total",
            "steps_failed_total",
        ]);
        Self {
            published: all.counter("items_published_total"),
            duplicates: all.counter("items_duplicate_total"),
            full: all.counter("publishes_full_total"),
            leased: all.counter("items_leased_total"),
            accepted: all.counter("items_accepted_total"),
            released: all.counter("items_released_total"),
            retried: all.counter("items_retried_total"),
            rejected: all.counter("items_rejected_total"),
            lapsed: all.counter("items_lapsed_total"),
            poisoned: all.counter("items_poisoned_total"),
            redriven: all.counter("items_redriven_total"),
            steps: all.counter("steps_applied_total"),
            repeated: all.counter("steps_repeated_total"),
            stale: all.counter("steps_stale_total"),
            failed: all.counter("steps_failed_total"),
            all,
        }
    }

    pub(crate) fn published(&self, answer: &Result<Vec<Published>>) {
        match answer {
            Ok(published) => self.taken(published),
            Err(Error::Full { .. }) => self.full.increment(),
            Err(_) => {}
        }
    }

    pub(crate) fn stepped(&self, step: &Step, answer: &Result<Applied>) {
        self.settled(Verbs::of(step), answer);
    }

    /// [`Counts::stepped`], for a step that is no longer at hand.
    pub(crate) fn settled(&self, verbs: Verbs, answer: &Result<Applied>) {
        match answer {
            Ok(applied) if applied.repeated => self.repeated.increment(),
            Ok(applied) => {
                self.steps.increment();
                self.accepted.add(verbs.accepted);
                self.retried.add(verbs.retried);
                self.released.add(verbs.released);
                self.rejected.add(verbs.rejected);
                self.taken(&applied.published);
            }
            Err(Error::Stale { .. }) => self.stale.increment(),
            Err(Error::Full { .. }) => self.full.increment(),
            Err(_) => self.failed.increment(),
        }
    }

    fn taken(&self, published: &[Published]) {
        if published.is_empty() {
            return;
        }
        let accepted = published.iter().filter(|published| **published == Published::Accepted).count();
        self.published.add(accepted as u64);
        self.duplicates.add((published.len() - accepted) as u64);
    }

    /// Draws the queue. Stages call it rather than feed it, and their topics are the edges
    /// between them, so it stands outside their flow: it starts and ends its own.
    pub(crate) fn describe(&self, blueprint: &mut Blueprint, name: &str, backend: &'static str) {
        let node = Node::new("queue", name).with_backend(backend).with_counters(self.all.clone());
        blueprint.add_node(node.source().sink(Sink::default()));
    }
}
