//! How settlements reach the queue.

use std::sync::Arc;

use entourage_core::{Backoff, Clock, Retryable, Verdict, planted, sleep};
use entourage_queue::{Error, Settler, StateWrite, Step, Unapplied};

use crate::{
    manager::{
        ledger::Entry,
        shared::{Asked, Shared},
    },
    source::{Finish, ItemName},
};

/// Applies steps, however long the queue is away.
pub(super) struct Outlet {
    pub(super) settler: Arc<dyn Settler>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) backoff: Backoff,
}

impl Outlet {
    /// Applies a step once, without those attempts whose items are another's by now.
    pub(super) async fn apply(mut self, step: Step) {
        let mut steps = vec![step];
        while let Some(mut step) = steps.pop() {
            let mut ended = self.ended(&step);
            if planted("workqueue-tells-before-it-settles") {
                self.shared.finishes.add(std::mem::take(&mut ended));
            }
            let records = apart(&mut step);
            let Err(Unapplied { step, error }) = self.settler.step(step).await else {
                self.shared.finishes.add(ended);
                self.shared.up(Asked::Queue);
                self.backoff.reset();
                steps.extend(records);
                continue;
            };
            match error {
                Error::Stale { ids } => {
                    self.shared.counts.stale.add(ids.len() as u64);
                    let records = step.state.iter();
                    let is_stale = |key: &str| ids.iter().any(|id| id.as_str() == key);
                    let state = records.filter(|write| !is_stale(&write.key)).cloned().collect();
                    let rest = Step { state, ..step.without(&ids) };
                    if rest.deliveries().next().is_some() {
                        steps.push(rest);
                    }
                }
                error if error.verdict() != Verdict::Permanent => {
                    self.shared.down(Asked::Queue, self.clock.now(), &error);
                    if planted("workqueue-stops-after-an-error") {
                        return;
                    }
                    sleep(&*self.clock, self.backoff.next_delay()).await;
                    steps.push(*step);
                }
                error => {
                    self.shared.down(Asked::Queue, self.clock.now(), &error);
                    // One that is refused must not keep the others from being settled.
                    if step.deliveries().count() > 1 {
                        steps.extend(single(*step));
                    } else {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "a settlement is refused; its item is worked on again"
                        );
                        sleep(&*self.clock, self.backoff.next_delay()).await;
                    }
                }
            }
        }
    }

    /// What the source is to be told once the step is applied; nothing if it is told nothing.
    fn ended(&self, step: &Step) -> Vec<(ItemName, Finish)> {
        if !self.shared.finishes.is_wanted() {
            return Vec::new();
        }
        let end = |write: &StateWrite| {
            let finish = Entry::finish(write.value.as_deref()?)?;
            Some((ItemName::new(&*write.key).ok()?, finish))
        };
        step.state.iter().filter_map(end).collect()
    }
}

/// The records of a step in one of their own: nothing, unless that fault is planted.
fn apart(step: &mut Step) -> Option<Step> {
    let is_wrong = planted("workqueue-records-after-it-settles") && step.deliveries().next().is_some();
    let id = is_wrong.then(|| format!("apart from {:?}", step.effective_id()))?;
    Some(Step { state: std::mem::take(&mut step.state), ..Step::new() }.named(id))
}

/// A step for each delivery of `step`, with its record.
fn single(step: Step) -> Vec<Step> {
    let Step { accept, release, reject, mut state, .. } = step;
    let mut with_record = |id: &str, step: Step| match state.iter().position(|write| &*write.key == id) {
        Some(at) => step.state(state.swap_remove(at)),
        None => step,
    };
    let mut steps = Vec::new();
    for delivery in accept {
        let step = with_record(delivery.id().as_str(), Step::new());
        steps.push(step.accept(delivery));
    }
    for rejection in reject {
        let step = with_record(rejection.delivery.id().as_str(), Step::new());
        steps.push(step.reject(rejection.delivery, rejection.reason));
    }
    for release in release {
        steps.push(Step { release: vec![release], ..Step::new() });
    }
    steps
}
