//! The items of a queue's topic as work.

mod held;
mod lent;
mod settle;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_blueprint::{Blueprint, Counters, Describe};
use entourage_queue::{
    Ask, Delivery, Error, Group, Queue, Receiver, Rejection, Release, Settler, Step, SubscribeOptions, Topic,
};

use self::{held::Held, lent::Lent};
use super::{
    WorkSource,
    counts::Counts,
    data::ItemData,
    error::{SourceError, SourceResult},
    finish::Finish,
    listing::Listing,
    name::ItemName,
};

/// Bytes of payload beyond which nothing more is received until something is finished.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A source of the items of a topic: of another team's queue, of any backend.
///
/// It joins a group of the topic and keeps what it is lent, at most 100 items
/// ([`with_limit`](Self::with_limit)) and 64 MiB, with heartbeats, until it is told that they are
/// finished: then it accepts what is done, and rejects what is dead, which makes it a dead letter of
/// the topic. An item is called by its id, and its data is its payload. An id that is no name is
/// rejected; one that is held already is given back until that one is finished.
///
/// A lease that was lost comes back by itself: to this member or to another of the group, so a
/// process that dies loses nothing. Because members hold what they list, each manager is given a
/// queue of its own, such as an `entourage_queue::MemoryQueue`: the topic shares the work out.
///
/// # Fences
/// An attempt's fence is of the **manager's own queue**, and not of the topic: over queues in memory
/// the fences of two managers have no order, so no sink can tell by them who of the two has lost the
/// item. Where fences must keep out whoever lost an item, have the managers share one ledger, by one
/// name over one durable queue, and a source that any of them can read, such as a list or a Stream;
/// or work on the topic itself, whose deliveries carry its fences.
///
/// # Examples
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
/// use entourage_queue::{Item, MemoryQueue, Publication, Queue};
/// use entourage_workqueue::{Finish, TopicSource, WorkSource};
///
/// let theirs = MemoryQueue::new();
/// theirs.publish(vec![Publication::new("orders", Item::new("order-17", "two coffees"))]).await?;
/// let source = TopicSource::new(theirs.clone(), "orders", "kitchen");
/// let names = source.items().await?.into_names();
/// assert_eq!(source.item(&names[0]).await?.unwrap().bytes(), "two coffees");
/// source.finished(&names, Finish::Done).await?;
/// assert_eq!(theirs.stats(&"orders".into(), &"kitchen".into()).await?.unsettled(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).expect("it works");
/// ```
#[derive(Clone)]
pub struct TopicSource {
    name: String,
    queue: Arc<dyn Queue>,
    topic: Topic,
    group: Group,
    options: SubscribeOptions,
    limit: usize,
    /// Whoever receives holds it, across its calls; none before the group is joined.
    receiver: Arc<tokio::sync::Mutex<Option<Box<dyn Receiver>>>>,
    settler: Arc<Mutex<Option<Arc<dyn Settler>>>>,
    held: Arc<Mutex<Held>>,
    counts: Counts,
}

impl TopicSource {
    const LIMIT: usize = 100;

    /// The items of `topic`, as a member of `group`; it is joined when the source is first listed.
    pub fn new(queue: impl Queue, topic: impl Into<Topic>, group: impl Into<Group>) -> Self {
        let topic = topic.into();
        Self {
            name: topic.to_string(),
            queue: Arc::new(queue),
            topic,
            group: group.into(),
            options: SubscribeOptions::new(),
            limit: Self::LIMIT,
            receiver: Arc::default(),
            settler: Arc::default(),
            held: Arc::new(Mutex::new(Held::new(Listing::builder()))),
            counts: Counts::new(),
        }
    }

    /// The same source under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With this lease, this delivery limit, and this time between an item's renewals, of which
    /// there is one at each third of it.
    ///
    /// An item that is worked on while its manager drains is renewed no more: it has at least two
    /// thirds of the time limit then.
    #[must_use]
    pub const fn with_options(mut self, options: SubscribeOptions) -> Self {
        self.options = options;
        self
    }

    /// Holding at most this many items at a time, at least one; 100 unless told otherwise.
    ///
    /// No other member of the group gets what is held here, so a few times the parallelism are enough.
    #[must_use]
    pub const fn with_limit(mut self, items: usize) -> Self {
        self.limit = if items == 0 { 1 } else { items };
        self
    }

    /// The source's numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.counters().clone()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Each change is whole, so a panic elsewhere leaves nothing half done.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settler(&self) -> Option<Arc<dyn Settler>> {
        self.settler.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn away(&self, error: Error) -> SourceError {
        SourceError::unavailable(format!("topic {}", self.topic), error)
    }

    async fn list(&self) -> Result<Listing, Error> {
        let mut receiver = self.receiver.lock().await;
        if receiver.is_none() {
            let topics = std::slice::from_ref(&self.topic);
            let (joined, settler) = self.queue.subscribe(topics, &self.group, self.options).await?;
            *self.settler.lock().unwrap_or_else(PoisonError::into_inner) = Some(settler);
            *receiver = Some(joined);
        }
        let Some(member) = receiver.as_mut() else { return Err(Error::Closed) };
        self.renew().await;
        let received = self.receive(&mut **member).await;
        if matches!(received, Err(Error::Closed)) {
            *receiver = None;
        }
        received?;
        let stats = self.queue.stats(&self.topic, &self.group).await?;
        let held = self.held();
        let mut listing = held.findings.clone();
        for name in held.names() {
            listing.add(name.clone());
        }
        let elsewhere = stats.unsettled().saturating_sub(held.len() as u64);
        if elsewhere > 0 {
            listing.miss(format!("{elsewhere} items of the topic are with others, delayed or wait for room"));
        }
        Ok(listing.build())
    }

    /// Holds what is ready, as far as there is room.
    async fn receive(&self, receiver: &mut dyn Receiver) -> Result<(), Error> {
        let most = self.queue.capabilities().max_batch.max(1);
        loop {
            let (room, bytes) = {
                let held = self.held();
                (self.limit.saturating_sub(held.len()), MOST_BYTES.saturating_sub(held.bytes()))
            };
            if room == 0 || bytes == 0 {
                return Ok(());
            }
            let ask = Ask::up_to(room.min(most)).max_bytes(bytes).wait(Duration::ZERO);
            let came = receiver.receive(ask).await?;
            if came.is_empty() {
                return Ok(());
            }
            if let (Some(step), Some(settler)) = (self.hold(came), self.settler()) {
                // What is not applied is given back.
                settler.step(step).await.map_err(|unapplied| unapplied.error)?;
            }
        }
    }

    /// Holds what can be held, and gives the step that settles the rest.
    fn hold(&self, came: Vec<Delivery>) -> Option<Step> {
        let now = self.queue.clock().now();
        let mut held = self.held();
        let mut step = Step::new();
        for delivery in came {
            match ItemName::new(delivery.id().to_shared()) {
                Ok(name) => {
                    if let Some(delivery) = held.hold(name, delivery, now) {
                        held.findings.repeat();
                        step.release.push(Release { delivery, after: self.options.lease, retry: false });
                    }
                }
                Err(why) => {
                    held.findings.skip(delivery.id().as_str(), why);
                    step.reject.push(Rejection { delivery, reason: why.to_string() });
                }
            }
        }
        let settles = step.deliveries().next().is_some();
        settles.then_some(step)
    }

    /// Moves the time limit of what has been held for a third of it.
    async fn renew(&self) {
        let Some(settler) = self.settler() else { return };
        let due = self.held().due(self.queue.clock().now(), self.options.time_limit / 3);
        for name in due {
            let Some(mut lent) = Lent::of(&self.held, &name) else { continue };
            let sent = self.queue.clock().now();
            match settler.renew(lent.delivery(), self.options.time_limit).await {
                Ok(()) => lent.is_renewed(sent),
                Err(Error::Stale { .. }) => lent.lose(),
                Err(_) => {}
            }
        }
    }
}

#[async_trait::async_trait]
impl WorkSource for TopicSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.counts.listed(self.list().await.map_err(|error| self.away(error)))
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        let payload = self.held().payload(name);
        self.counts.fetched(payload.map(ItemData::new).transpose())
    }

    fn is_used_up(&self) -> bool {
        true
    }

    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        let mut kept = Vec::new();
        for names in names.chunks(self.queue.capabilities().max_batch.max(1)) {
            kept.extend(self.settle_whole(names, finish).await.map_err(|error| self.away(error))?);
        }
        self.counts.finished(names.len(), Ok(kept))
    }
}

impl Describe for TopicSource {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.counts.describe(blueprint, &self.name, "topic");
    }
}

impl fmt::Debug for TopicSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicSource")
            .field("topic", &self.topic)
            .field("group", &self.group)
            .field("held", &self.held().len())
            .finish_non_exhaustive()
    }
}
