//! A queue that a manager talks to as long as it lives.

use std::{
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};
use entourage_queue::{
    Applied, Ask, Capabilities, Dead, Delivery, Group, MemoryQueue, Publication, Published, Queue, Receipt,
    Receiver, Record, Redrive, Result, Returns, Settler, Stats, Step, SubscribeOptions, Topic, TopicOptions,
    Unapplied,
};

use crate::manager::tests::every_step::{
    deeds::{Deeds, Plan},
    life::Life,
};

/// A queue that a manager talks to as long as it lives.
#[derive(Clone, Debug)]
pub(super) struct MortalQueue {
    pub(super) inner: MemoryQueue,
    pub(super) life: Arc<Life>,
    pub(super) deeds: Arc<Deeds>,
}

impl Describe for MortalQueue {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl Queue for MortalQueue {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()> {
        self.life.call("configure", self.inner.configure(topic, options)).await
    }

    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        self.life.call("publish", self.inner.publish(batch)).await
    }

    async fn subscribe(
        &self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        let joining = async {
            let (receiver, settler) = self.inner.subscribe(topics, group, options).await?;
            let receiver = MortalReceiver { inner: Some(receiver), queue: self.clone() };
            let settler = MortalSettler { inner: settler, queue: self.clone() };
            Ok((Box::new(receiver) as Box<dyn Receiver>, Arc::new(settler) as Arc<dyn Settler>))
        };
        self.life.call("subscribe", joining).await
    }

    async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats> {
        self.life.call("stats", self.inner.stats(topic, group)).await
    }

    async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
        self.life.call("dead", self.inner.dead(topic, group, limit)).await
    }

    async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64> {
        self.life.call("redrive", self.inner.redrive(topic, group, which)).await
    }

    async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>> {
        self.life.call("records", self.inner.records(group, prefix)).await
    }

    async fn room(&self, topic: &Topic, items: u64) -> Result<()> {
        self.life.call("room", self.inner.room(topic, items)).await
    }
}

/// A receiver that leaves its group only while its manager lives.
#[derive(Debug)]
struct MortalReceiver {
    inner: Option<Box<dyn Receiver>>,
    queue: MortalQueue,
}

#[async_trait::async_trait]
impl Receiver for MortalReceiver {
    async fn receive(&mut self, ask: Ask) -> Result<Vec<Delivery>> {
        let (inner, queue) = (self.inner.as_mut().expect("it goes with this"), &self.queue);
        let receiving = async {
            let deliveries = inner.receive(ask).await?;
            Ok(deliveries.into_iter().map(|delivery| queue.mortal(delivery)).collect())
        };
        queue.life.call("receive", receiving).await
    }

    async fn close(&mut self) -> Result<()> {
        let inner = self.inner.as_mut().expect("it goes with this");
        self.queue.life.call("close", inner.close()).await
    }
}

impl Drop for MortalReceiver {
    fn drop(&mut self) {
        if self.queue.life.is_over() {
            self.queue.life.bury(self.inner.take());
        }
    }
}

impl MortalQueue {
    /// The same delivery, which is given back by its drop only while its manager lives.
    fn mortal(&self, delivery: Delivery) -> Delivery {
        self.deeds.delivered(&delivery);
        let (topic, item, fence) =
            (delivery.topic().clone(), delivery.item().clone(), delivery.fence().clone());
        let (receipt, counts) = (delivery.receipt(), (delivery.retries(), delivery.lapses()));
        let held = Held { inner: Mutex::new(Some(delivery)), queue: self.clone() };
        Delivery::leased(topic, item, fence, receipt, counts, Arc::new(held))
    }
}

/// The delivery that another stands for. Once that one is settled this is stale, and to drop it
/// is nothing.
#[derive(Debug)]
struct Held {
    inner: Mutex<Option<Delivery>>,
    queue: MortalQueue,
}

impl Returns for Held {
    fn give_back(&self, receipt: Receipt) {
        let inner = mem::take(&mut *self.inner.lock().unwrap());
        if self.queue.life.is_over() {
            self.queue.life.bury(inner);
        } else {
            self.queue.deeds.given_back(receipt.epoch);
        }
    }
}

/// A settler whose steps are written down.
#[derive(Debug)]
struct MortalSettler {
    inner: Arc<dyn Settler>,
    queue: MortalQueue,
}

#[async_trait::async_trait]
impl Settler for MortalSettler {
    async fn step(&self, step: Step) -> Result<Applied, Unapplied> {
        let plan = Plan::of(&step);
        let stepping = async {
            let answer = self.inner.step(step).await;
            if let Ok(applied) = &answer {
                self.queue.deeds.applied(plan, applied);
            }
            answer
        };
        self.queue.life.call("step", stepping).await
    }

    async fn renew(&self, delivery: &Delivery, time: Duration) -> Result<()> {
        self.queue.life.call("renew", self.inner.renew(delivery, time)).await
    }

    async fn state(&self, key: &str) -> Result<Option<Record>> {
        self.queue.life.call("state", self.inner.state(key)).await
    }
}
