//! The pure state, call by call, with no clock and no runtime.

mod lease;
mod order;
mod residue;
mod step;

use std::{sync::Arc, time::Duration};

use entourage_core::{Fence, Moment, Realm, Scope};

use super::State;
use crate::{
    Applied, Ask, Delivery, Item, Key, Publication, Published, Receipt, Result, Returns, Stats, Step,
    SubscribeOptions, TopicOptions,
    broker::{ConsumerId, LeasedItem},
    counts::Counts,
};

/// A queue with one topic and one group, driven by hand.
struct Subject {
    state: State,
    now: Moment,
}

#[derive(Debug)]
struct Nowhere;

impl Returns for Nowhere {
    fn give_back(&self, _: Receipt) {}
}

const TOPIC: &str = "t";
const GROUP: &str = "g";

impl Subject {
    fn new() -> Self {
        Self::with(TopicOptions::new())
    }

    fn with(options: TopicOptions) -> Self {
        Self { state: State::new(options, Counts::new()), now: Moment::ZERO }
    }

    fn join(&mut self) -> ConsumerId {
        let options = SubscribeOptions::new().with_lease(seconds(10)).with_delivery_limit(2);
        self.state.join(&[TOPIC.into()], &GROUP.into(), options, self.now)
    }

    fn publish(&mut self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        self.state.publish(batch, self.now)
    }

    fn put(&mut self, item: Item) {
        self.publish(vec![Publication::new(TOPIC, item)]).unwrap();
    }

    fn lease(&mut self, consumer: ConsumerId, ask: Ask) -> Vec<Delivery> {
        let leased = self.state.lease(consumer, ask, self.now).unwrap();
        leased.items.into_iter().map(delivery).collect()
    }

    fn lease_ids(&mut self, consumer: ConsumerId, most: usize) -> Vec<String> {
        ids(&self.lease(consumer, Ask::up_to(most)))
    }

    fn apply(&mut self, consumer: ConsumerId, step: &Step) -> Result<Applied> {
        self.state.apply(consumer, step, self.now)
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    fn stats(&mut self) -> Stats {
        self.state.stats(&TOPIC.into(), &GROUP.into(), self.now)
    }

    fn counts(&mut self) -> (u64, u64, u64, u64) {
        let stats = self.stats();
        (stats.ready, stats.waiting, stats.in_flight, stats.dead)
    }
}

fn delivery(leased: LeasedItem) -> Delivery {
    let LeasedItem { topic, item, receipt, retries, lapses } = leased;
    let fence = Fence::new(Realm::new(1), Scope::new(item.id().to_shared()), receipt.epoch);
    Delivery::leased(topic, item, fence, receipt, (retries, lapses), Arc::new(Nowhere))
}

fn ids(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| delivery.id().to_string()).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn item(id: &str) -> Item {
    Item::new(id, "")
}

fn keyed(id: &str) -> Item {
    item(id).with_key(Key::from("k"))
}

fn accept(deliveries: Vec<Delivery>) -> Step {
    Step { accept: deliveries, ..Step::new() }
}
