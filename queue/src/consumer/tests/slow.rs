//! A broker that a test holds in its hand.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use entourage_core::{Clock, Realm};
use tokio::sync::Semaphore;

use crate::{
    Applied, Ask, Capabilities, Error, Group, MemoryQueue, Receipt, Record, Result, Step, SubscribeOptions,
    Topic,
    broker::{Activity, Broker, ConsumerId, Leased, Pending},
};

/// A broker whose answers wait for leave, as those of a disk or a network do.
#[derive(Clone, Debug)]
pub(super) struct Slow {
    queue: MemoryQueue,
    pub(super) answers: Arc<Semaphore>,
    pub(super) beats: Arc<AtomicU32>,
    /// How many of the next calls fail.
    pub(super) failures: Arc<Mutex<u32>>,
}

impl Slow {
    pub(super) fn over(queue: &MemoryQueue) -> Self {
        Self {
            queue: queue.clone(),
            answers: Arc::new(Semaphore::new(0)),
            beats: Arc::default(),
            failures: Arc::default(),
        }
    }

    fn broken(&self) -> Result<()> {
        let mut failures = self.failures.lock().unwrap();
        if *failures == 0 {
            return Ok(());
        }
        *failures -= 1;
        Err(Error::Unavailable("out of order".into()))
    }

    /// The effect happens now; its answer comes later.
    fn later<T: Send + 'static>(&self, pending: Pending<T>) -> Pending<T> {
        let answers = Arc::clone(&self.answers);
        Box::pin(async move {
            let _answer = answers.acquire().await.expect("it is never closed");
            pending.await
        })
    }
}

#[async_trait::async_trait]
impl Broker for Slow {
    fn clock(&self) -> &Arc<dyn Clock> {
        Broker::clock(&self.queue)
    }

    fn realm(&self) -> Realm {
        Broker::realm(&self.queue)
    }

    fn capabilities(&self) -> Capabilities {
        Broker::capabilities(&self.queue)
    }

    fn activity(&self) -> Box<dyn Activity> {
        self.queue.activity()
    }

    async fn join(&self, topics: &[Topic], group: &Group, options: SubscribeOptions) -> Result<ConsumerId> {
        self.queue.join(topics, group, options).await
    }

    fn lease(&self, consumer: ConsumerId, ask: Ask) -> Pending<Leased> {
        match self.broken() {
            Ok(()) => self.later(self.queue.lease(consumer, ask)),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    async fn beat(&self, consumer: ConsumerId) -> Result<()> {
        self.beats.fetch_add(1, Ordering::Relaxed);
        self.broken()?;
        self.queue.beat(consumer).await
    }

    fn leave(&self, consumer: ConsumerId) -> Pending<()> {
        self.later(self.queue.leave(consumer))
    }

    fn forget(&self, consumer: ConsumerId) {
        self.queue.forget(consumer);
    }

    fn give_back(&self, consumer: ConsumerId, receipts: Vec<Receipt>) -> Pending<()> {
        self.later(self.queue.give_back(consumer, receipts))
    }

    fn apply(&self, consumer: ConsumerId, step: &Step) -> Pending<Applied> {
        self.later(self.queue.apply(consumer, step))
    }

    async fn renew(&self, consumer: ConsumerId, receipt: Receipt, time: Duration) -> Result<()> {
        Broker::renew(&self.queue, consumer, receipt, time).await
    }

    async fn state(&self, consumer: ConsumerId, key: &str) -> Result<Option<Record>> {
        Broker::state(&self.queue, consumer, key).await
    }
}
