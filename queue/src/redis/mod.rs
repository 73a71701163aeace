//! A queue on a Redis, shared by every process that names it and a prefix.

mod ask;
mod bell;
mod broker;
mod codec;
mod core;
mod entry;
mod fault;
mod hands;
mod letters;
mod member;
mod options;
mod publication;
mod scripts;
mod step;

use std::{sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Moment, Realm};
use entourage_engine::redis::{Link, MOST_ITEMS, RedisOptions};
use tokio::sync::watch;

use crate::{
    broker::Broker,
    capabilities::Capabilities,
    consumer as consuming,
    error::{Error, Result},
    item::{Group, Publication, Published, Topic},
    limits,
    options::{SubscribeOptions, TopicOptions},
    queue::Queue,
    receiver::Receiver,
    settler::Settler,
    state::Record,
    stats::{Dead, Redrive, Stats},
};

pub use self::options::RedisQueueOptions;

use self::{broker::RedisBroker, core::Core, hands::Hands, publication::Parcel};

/// Others wait while a script runs, so none has more than a hundred items; and a hundred of the
/// largest must fit in what a server buffers of one client, a gigabyte.
pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    max_batch: MOST_ITEMS,
    max_payload_bytes: 8 * 1024 * 1024,
    ..Capabilities::new().with_shared(true)
};

/// A queue on a Redis: shared by machines, as durable as the server.
///
/// Every call is one script, which the server runs alone. Leases and delays are judged there, by
/// the server's wall clock. What it acknowledged may be lost in a failover, because a replica
/// follows later. A handle may notice, and then its calls are
/// [`Error::Failed`](crate::Error::Failed) until the queue is opened anew; or it may not: keep
/// elsewhere what must not be lost.
///
/// A batch has at most a hundred items of at most 8 MiB. A clone is a handle to the same queue.
///
/// # Examples
/// ```no_run
/// use entourage_queue::{Item, Publication, Queue, RedisQueue};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
/// let queue = RedisQueue::open("redis://localhost/jobs").await?;
/// queue.publish(vec![Publication::new("mail", Item::new("17", "hello"))]).await?;
/// assert_eq!(queue.stats(&"mail".into(), &"senders".into()).await?.ready, 1);
/// # Ok::<(), entourage_queue::Error>(()) }).expect("it works");
/// ```
#[derive(Clone, Debug)]
pub struct RedisQueue {
    inner: Arc<RedisBroker>,
}

impl RedisQueue {
    /// Opens the queue at `redis://[[user]:password@]host[:port][/prefix]`.
    ///
    /// # Errors
    /// As [`RedisQueue::open_with`].
    ///
    /// # Cancel safety
    /// As [`RedisQueue::open_with`].
    pub async fn open(url: &str) -> Result<Self> {
        Self::open_with(RedisQueueOptions::new(RedisOptions::from_url(url).map_err(fault::of)?)).await
    }

    /// Opens the queue of a prefix like this; a new prefix gets a realm.
    ///
    /// # Errors
    /// [`Error::Failed`] for options that no server takes, a wrong password, and a prefix that holds
    /// something else; its source says which. [`Error::ForeignRealm`] for another realm than the
    /// options demand; [`Error::Unavailable`] while the server is not ready.
    ///
    /// # Cancel safety
    /// Dropping the future may leave an empty queue there.
    pub async fn open_with(options: RedisQueueOptions) -> Result<Self> {
        let RedisQueueOptions { redis, name, topics, realm, clock } = options;
        let hands = Hands::start().map_err(|error| Error::Unavailable(Box::new(error)))?;
        let link = hands.submit(async move {
            let link = Link::connect(redis.with_part("queue")).await.map_err(fault::of)?;
            // Else the first call of each is sent twice, and others may overtake it.
            fault::looked(link.load(&scripts::ALL).await.map_err(fault::of))?;
            Ok(link)
        });
        let link = link.await?;
        limits::check_realm(realm.unwrap_or_else(|| link.realm()), link.realm())?;
        let (ringer, changes) = watch::channel(());
        hands.attend(bell::attend(link.waiter(), link.key("bell"), ringer));
        let core = Core::new(link, topics);
        Ok(Self { inner: Arc::new(RedisBroker::new(core, hands, clock, changes, name)) })
    }
}

impl Describe for RedisQueue {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.core.counts.describe(blueprint, &self.inner.name, "redis");
    }
}

#[async_trait::async_trait]
impl Queue for RedisQueue {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()> {
        limits::check_topic(topic, &options)?;
        let topic = topic.clone();
        self.inner.submit(|core| async move { core.topic(&topic, Some(options)).await.map(drop) }).await
    }

    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        limits::check_publish(&batch, &CAPABILITIES)?;
        let parcel = Parcel::of(&batch);
        self.inner
            .submit(|core| async move {
                let answer = core.publish(parcel).await;
                core.counts.published(&answer);
                answer
            })
            .await
    }

    async fn subscribe(
        &self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        consuming::subscribe(Arc::clone(&self.inner) as Arc<dyn Broker>, topics, group, options).await
    }

    async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats> {
        let (topic, group) = (topic.clone(), group.clone());
        let stats = self.inner.submit(|core| async move { letters::stats(&core, &topic, &group).await });
        fault::looked(stats.await)
    }

    async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
        let (topic, group) = (topic.clone(), group.clone());
        let dead = self.inner.submit(|core| async move { letters::dead(&core, &topic, &group, limit).await });
        fault::looked(dead.await)
    }

    async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64> {
        let (topic, group) = (topic.clone(), group.clone());
        self.inner.submit(|core| async move { letters::redrive(&core, &topic, &group, &which).await }).await
    }

    async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>> {
        let (group, prefix) = (group.clone(), prefix.to_owned());
        self.inner.submit(|core| async move { letters::records(&core, &group, &prefix).await }).await
    }

    async fn room(&self, topic: &Topic, items: u64) -> Result<()> {
        let mut changes = self.inner.changes.clone();
        let items = items.min(1 << 52);
        loop {
            let asked = self.inner.clock.now();
            let call = scripts::ROOM.call().owned(topic.as_str()).number(items);
            let reply = self.inner.submit(|core| async move { core.ask(call).await });
            let mut reply = fault::looked(reply.await)?;
            if reply.word == "OK" {
                return Ok(());
            }
            // A lease that ends may make a dead letter of its item, which is room.
            let left = reply.maybe_number()?;
            let until = left.map_or(Moment::NEVER, |left| micros(asked) + Duration::from_micros(left));
            tokio::select! {
                biased;
                // Who rings lives as long as `self`.
                _ = changes.changed() => {}
                () = consuming::sleep_until(&*self.inner.clock, until) => {}
            }
        }
    }
}

/// A duration as a script has it, in microseconds, never shorter; a century stands for "for ever".
fn span(duration: Duration) -> u64 {
    const CENTURY: u64 = 100 * 365 * 24 * 60 * 60 * 1_000_000;
    let micros = duration.as_nanos().div_ceil(1_000);
    u64::try_from(micros).unwrap_or(u64::MAX).min(CENTURY)
}

/// A moment as a script has it, never later.
fn micros(moment: Moment) -> Moment {
    Moment::from_nanos(moment.as_nanos() / 1_000 * 1_000)
}
