//! A queue as one simulated process reaches it.

use std::sync::Arc;

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};
use entourage_queue::{
    Capabilities, Dead, Group, Publication, Published, Queue, Receiver, Record, Redrive, Result, Settler,
    Stats, SubscribeOptions, Topic, TopicOptions,
};

use crate::{
    call::Call,
    context::Context,
    link::{Link, brief},
    substrate::{book::Book, receiver::SimReceiver, settler::SimSettler},
};

/// A queue as one simulated process reaches it: late, sometimes in vain, sometimes twice.
///
/// Whatever it answers, a queue that keeps the contract could have answered too. What a dead
/// process held is not given back: it lapses, as after a kill.
#[derive(Debug)]
pub struct SimQueue {
    inner: Arc<dyn Queue>,
    link: Link,
}

impl SimQueue {
    /// The way of this process to `queue`.
    #[must_use]
    pub fn new(context: &Context, queue: Arc<dyn Queue>) -> Self {
        Self { inner: queue, link: context.link() }
    }
}

impl Describe for SimQueue {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Queue for SimQueue {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.link.clock.clone())
    }

    async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()> {
        self.link.call(Call::QueueConfigure, self.inner.configure(topic, options)).await?
    }

    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        let call = Call::QueuePublish;
        let plan = self.link.request(call).await?;
        let answer = self.link.reach(self.inner.publish(batch.clone())).await;
        // One that was refused must not happen after all, so only what was taken is repeated.
        if let (Ok(_), Some(after)) = (&answer, plan.again) {
            let inner = Arc::clone(&self.inner);
            self.link.repeat(call, after, async move {
                let again = inner.publish(batch).await;
                again.map_or_else(|error| error.to_string(), |published| format!("{published:?}"))
            });
        }
        self.link.answer(call, &plan, brief(&answer)).await?;
        answer
    }

    async fn subscribe(
        &self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        let subscribe = async {
            let (receiver, settler) = self.inner.subscribe(topics, group, options).await?;
            let book = Arc::new(Book::new(self.link.clone(), group.clone()));
            let receiver = Box::new(SimReceiver::new(receiver, Arc::clone(&book))) as Box<dyn Receiver>;
            let settler = Arc::new(SimSettler::new(settler, book)) as Arc<dyn Settler>;
            Ok((receiver, settler))
        };
        self.link.call(Call::QueueSubscribe, subscribe).await?
    }

    async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats> {
        self.link.call(Call::QueueStats, self.inner.stats(topic, group)).await?
    }

    async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
        self.link.call(Call::QueueDead, self.inner.dead(topic, group, limit)).await?
    }

    async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64> {
        self.link.call(Call::QueueRedrive, self.inner.redrive(topic, group, which)).await?
    }

    async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>> {
        self.link.call(Call::QueueRecords, self.inner.records(group, prefix)).await?
    }

    async fn room(&self, topic: &Topic, items: u64) -> Result<()> {
        self.link.call(Call::QueueRoom, self.inner.room(topic, items)).await?
    }
}
