//! The wrong queues.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};

use super::{Fault, receiver::WrongReceiver, settler::WrongSettler};
use crate::{
    Capabilities, Dead, Group, Item, Publication, Published, Queue, Receiver, Record, Redrive, Result,
    Settler, Stats, SubscribeOptions, Topic, TopicOptions,
};

/// Parts an id from what a forgetful queue adds to publish it again.
pub(super) const AGAIN: char = '\u{1}';

/// A right queue, treated wrongly.
#[derive(Debug)]
pub(super) struct Wrong {
    inner: Arc<dyn Queue>,
    fault: Fault,
    number: AtomicU64,
}

impl Wrong {
    pub(super) fn new(inner: Arc<dyn Queue>, fault: Fault) -> Self {
        Self { inner, fault, number: AtomicU64::new(0) }
    }

    fn spoiled(&self, publication: Publication) -> Publication {
        let Publication { topic, item, delay, priority } = publication;
        let item = match self.fault {
            Fault::IgnoresKeys if item.key().is_some() => rebuilt(&item, item.id().as_str(), false, true),
            Fault::ForgetsHeaders if !item.headers().is_empty() => {
                rebuilt(&item, item.id().as_str(), true, false)
            }
            _ => item,
        };
        let delay = if self.fault == Fault::IgnoresDelays { Duration::ZERO } else { delay };
        let priority = if self.fault == Fault::IgnoresPriorities { 0 } else { priority };
        Publication::new(topic, item).delayed(delay).priority(priority)
    }
}

/// The same item under another id, perhaps without its key or headers.
pub(super) fn rebuilt(item: &Item, id: &str, with_key: bool, with_headers: bool) -> Item {
    let mut new = Item::new(id, item.payload().clone());
    if let (Some(key), true) = (item.key(), with_key) {
        new = new.with_key(key.clone());
    }
    if let Some(bundle) = item.bundle() {
        new = new.with_bundle(bundle.clone());
    }
    if with_headers { new.with_headers(item.headers().to_vec()) } else { new }
}

impl Describe for Wrong {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl Queue for Wrong {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn realm(&self) -> Realm {
        match self.fault {
            Fault::ChangesItsRealm => {
                let number = self.number.fetch_add(1, Ordering::Relaxed);
                Realm::new(self.inner.realm().id() ^ u128::from(number))
            }
            _ => self.inner.realm(),
        }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()> {
        let TopicOptions { capacity, dedupe_window: window, dedupe_ids: ids } = options;
        let options = match self.fault {
            Fault::IgnoresCapacity => options.with_capacity(1_000_000),
            Fault::TakesOneMoreThanCapacity => options.with_capacity(capacity + 1),
            Fault::RemembersIdsForEver => options.with_dedupe(Duration::from_secs(1_000_000), ids),
            Fault::RemembersEveryId => options.with_dedupe(window, 1_000_000),
            _ => options,
        };
        self.inner.configure(topic, options).await
    }

    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        let mut batch: Vec<_> = batch.into_iter().map(|one| self.spoiled(one)).collect();
        match self.fault {
            Fault::LosesTheLastOfABatch if batch.len() > 1 => {
                batch.pop();
                let mut published = self.inner.publish(batch).await?;
                published.push(Published::Accepted);
                Ok(published)
            }
            Fault::SplitsBatches => {
                let mut published = Vec::new();
                for one in batch {
                    published.extend(self.inner.publish(vec![one]).await?);
                }
                Ok(published)
            }
            Fault::ForgetsIds => {
                let mut published = self.inner.publish(batch.clone()).await?;
                for (publication, published) in batch.into_iter().zip(&mut published) {
                    if *published == Published::Duplicate {
                        let number = self.number.fetch_add(1, Ordering::Relaxed);
                        let id = format!("{}{AGAIN}{number}", publication.item.id());
                        let item = rebuilt(&publication.item, &id, true, true);
                        self.inner.publish(vec![Publication { item, ..publication }]).await?;
                        *published = Published::Accepted;
                    }
                }
                Ok(published)
            }
            _ => self.inner.publish(batch).await,
        }
    }

    async fn subscribe(
        &self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        let SubscribeOptions { lease, time_limit, delivery_limit } = options;
        let nanosecond = Duration::from_nanos(1);
        let options = match self.fault {
            Fault::LeasesTooLong => options.with_lease(lease + nanosecond),
            Fault::LeasesTooShort => options.with_lease(lease - nanosecond),
            Fault::StopsItsHeart => options.with_time_limit(time_limit.min(lease)),
            Fault::BeatsForEver if !time_limit.is_zero() => options.with_time_limit(Duration::MAX),
            Fault::DeliversOnceTooOften if delivery_limit > 0 => {
                options.with_delivery_limit(delivery_limit.saturating_add(1))
            }
            _ => options,
        };
        let everybody = Group::from("everybody");
        let group = if self.fault == Fault::SharesOneGroup { &everybody } else { group };
        if self.fault == Fault::LosesTheBacklog {
            drop(self.inner.subscribe(topics, &everybody, options).await?);
        }
        let (receiver, settler) = self.inner.subscribe(topics, group, options).await?;
        let queue = Arc::clone(&self.inner);
        let receiver = WrongReceiver::new(receiver, Arc::clone(&queue), self.fault);
        let settler = WrongSettler::new(settler, queue, self.fault);
        Ok((Box::new(receiver), Arc::new(settler)))
    }

    async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats> {
        let everybody = Group::from("everybody");
        let group = if self.fault == Fault::SharesOneGroup { &everybody } else { group };
        let mut stats = self.inner.stats(topic, group).await?;
        match self.fault {
            Fault::CountsTheWaitingAsReady => {
                stats.ready += stats.waiting;
                stats.waiting = 0;
            }
            Fault::ForgetsAges => stats.oldest = None,
            _ => {}
        }
        Ok(stats)
    }

    async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
        let mut dead = self.inner.dead(topic, group, limit).await?;
        if self.fault == Fault::HidesReasons {
            for letter in &mut dead {
                letter.reason.clear();
            }
        }
        Ok(dead)
    }

    async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64> {
        let which = if self.fault == Fault::RedrivesAll { Redrive::All } else { which };
        self.inner.redrive(topic, group, which).await
    }

    async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>> {
        let prefix = if self.fault == Fault::ListsEveryRecord { "" } else { prefix };
        self.inner.records(group, prefix).await
    }

    async fn room(&self, topic: &Topic, items: u64) -> Result<()> {
        if self.fault == Fault::HasRoomAtOnce { Ok(()) } else { self.inner.room(topic, items).await }
    }
}
