//! Steps, as both queues take them.

use std::{sync::Arc, time::Duration};

use entourage_core::{Fence, Scope};

use super::{Held, Pair, same, seconds};
use crate::{
    Delivery, Error, Receipt, Rejection, Release, Returns, StateWrite, Step, StepId, broker::Broker,
};

/// Gives nothing back: what a test drops, it has dealt with.
#[derive(Debug)]
struct Nowhere;

impl Returns for Nowhere {
    fn give_back(&self, _: Receipt) {}
}

impl Pair {
    pub(super) async fn step(&mut self, at: usize) {
        let mut settled = Vec::new();
        for held in std::mem::take(&mut self.consumers[at].held) {
            let verb = u8::try_from(self.dice.below(8)).unwrap();
            let after = seconds(if self.dice.one_in(2) { self.dice.below(6) } else { 0 });
            match self.dice.below(4) {
                0 => self.consumers[at].held.push(held),
                _ => settled.push((held, verb, after)),
            }
        }
        let mut rest = Step::new();
        if settled.is_empty() || self.dice.one_in(4) {
            rest.id = Some(StepId::new(format!("step-{}", self.dice.below(20))));
        }
        if self.dice.one_in(2) {
            rest.publish = self.publications();
        }
        if self.dice.one_in(3) {
            let value = (!self.dice.one_in(4)).then(|| b"v".as_slice().into());
            let expected = self.dice.one_in(2).then(|| self.dice.below(3));
            rest.state = vec![StateWrite { key: format!("k{}", self.dice.below(2)).into(), expected, value }];
        }
        println!("step {settled:?} {rest:?}");
        let [first, second] = self.steps(&settled, &rest);
        let ids = self.consumers[at].ids;
        let [memory, sqlite] = self.brokers();
        let memory = memory.apply(ids[0], &first).await;
        let applied = same("step", memory, sqlite.apply(ids[1], &second).await);
        if let Err(Error::Stale { ids: stale }) = &applied {
            self.doubly_refused += u32::from(self.conflicts(at, &rest).await);
            settled.retain(|(held, ..)| !stale.contains(held.item.id()));
        }
        if applied.is_err() {
            self.consumers[at].held.extend(settled.into_iter().map(|(held, ..)| held));
        } else if self.dice.one_in(3) {
            let [first, second] = self.steps(&settled, &rest);
            let [memory, sqlite] = self.brokers();
            let memory = memory.apply(ids[0], &first).await;
            same("repeated step", memory, sqlite.apply(ids[1], &second).await).ok();
        }
    }

    fn steps(&self, held: &[(Held, u8, Duration)], rest: &Step) -> [Step; 2] {
        [0, 1].map(|which| {
            let realm = self.brokers()[which].realm();
            let mut step = Step {
                id: rest.id.clone(),
                publish: rest.publish.clone(),
                state: rest.state.clone(),
                ..Step::new()
            };
            for (held, verb, after) in held {
                let Held { topic, item, counts, sequence, epochs } = held.clone();
                let epoch = epochs[which];
                let fence = Fence::new(realm, Scope::new("any"), epoch);
                let receipt = Receipt { sequence, epoch };
                let delivery = Delivery::leased(topic, item, fence, receipt, counts, Arc::new(Nowhere));
                match verb {
                    0..=3 => step.accept.push(delivery),
                    4..=6 => step.release.push(Release { delivery, after: *after, retry: *verb != 4 }),
                    _ => step.reject.push(Rejection { delivery, reason: "no".to_owned() }),
                }
            }
            step
        })
    }

    async fn conflicts(&self, at: usize, step: &Step) -> bool {
        for StateWrite { key, expected, .. } in &step.state {
            let record = Broker::state(&self.memory, self.consumers[at].ids[0], key).await;
            // Who has left reads nothing.
            let Ok(record) = record else { return false };
            let found = record.map_or(0, |record| record.version);
            if expected.is_some_and(|expected| expected != found) {
                return true;
            }
        }
        false
    }
}
