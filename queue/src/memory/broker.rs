//! The queue in memory, as the consumer sees it: every effect happens at once.

use std::{future, sync::Arc, time::Duration};

use entourage_core::{Clock, Realm};
use tokio::sync::watch;

use crate::{
    ask::Ask,
    broker::{Activity, Broker, ConsumerId, Leased, Pending},
    capabilities::Capabilities,
    delivery::Receipt,
    error::Result,
    item::{Group, Topic},
    memory::MemoryQueue,
    options::SubscribeOptions,
    queue::Queue,
    state::Record,
    step::{Applied, Step},
};

/// Changes that may concern a receiver.
#[derive(Debug)]
struct Changes(watch::Receiver<()>);

#[async_trait::async_trait]
impl Activity for Changes {
    async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The queue is gone, and nothing changes any more.
            future::pending::<()>().await;
        }
    }
}

fn at_once<T: Send + 'static>(answer: Result<T>) -> Pending<T> {
    Box::pin(future::ready(answer))
}

#[async_trait::async_trait]
impl Broker for MemoryQueue {
    fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    fn realm(&self) -> Realm {
        self.shared.realm
    }

    fn capabilities(&self) -> Capabilities {
        Queue::capabilities(self)
    }

    fn activity(&self) -> Box<dyn Activity> {
        Box::new(Changes(self.shared.receivers.subscribe()))
    }

    async fn join(&self, topics: &[Topic], group: &Group, options: SubscribeOptions) -> Result<ConsumerId> {
        Ok(self.shared.with(|state, now| state.join(topics, group, options, now)))
    }

    fn lease(&self, consumer: ConsumerId, ask: Ask) -> Pending<Leased> {
        at_once(self.shared.with(|state, now| state.lease(consumer, ask, now)))
    }

    async fn beat(&self, consumer: ConsumerId) -> Result<()> {
        self.shared.with(|state, now| state.beat(consumer, now))
    }

    fn leave(&self, consumer: ConsumerId) -> Pending<()> {
        self.shared.with(|state, now| state.leave(consumer, now));
        at_once(Ok(()))
    }

    fn forget(&self, consumer: ConsumerId) {
        self.shared.with(|state, _| state.forget_member(consumer));
    }

    fn give_back(&self, consumer: ConsumerId, receipts: Vec<Receipt>) -> Pending<()> {
        self.shared.with(|state, now| state.give_back(consumer, &receipts, now));
        at_once(Ok(()))
    }

    fn apply(&self, consumer: ConsumerId, step: &Step) -> Pending<Applied> {
        let answer = self.shared.with(|state, now| state.apply(consumer, step, now));
        self.shared.counts.stepped(step, &answer);
        at_once(answer)
    }

    async fn renew(&self, consumer: ConsumerId, receipt: Receipt, time: Duration) -> Result<()> {
        self.shared.with(|state, now| state.renew(consumer, receipt, time, now))
    }

    async fn state(&self, consumer: ConsumerId, key: &str) -> Result<Option<Record>> {
        self.shared.lock().record(consumer, key)
    }
}
