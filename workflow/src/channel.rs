//! A typed edge of the graph.

use std::{fmt, marker::PhantomData, sync::Arc};

use entourage_queue::{Bundle, Item, ItemId, Publication, Topic};

use crate::{payload::Payload, sharder::Sharder};

/// A topic, or a row of sharded topics, that carries values of one type.
pub struct Channel<T> {
    name: Arc<str>,
    topics: Arc<[Topic]>,
    sharder: Option<Sharder>,
    capacity: u64,
    carries: PhantomData<fn(T) -> T>,
}

impl<T: Payload> Channel<T> {
    /// A channel of one topic that holds up to `capacity` items.
    #[must_use]
    pub fn new(name: &str, capacity: u64) -> Self {
        Self {
            name: name.into(),
            topics: [name.into()].into(),
            sharder: None,
            capacity,
            carries: PhantomData,
        }
    }

    /// A channel of one topic for each of the sharder's shards, named `name-0` and so on.
    ///
    /// Each topic holds up to `capacity` items.
    #[must_use]
    pub fn sharded(name: &str, capacity: u64, sharder: Sharder) -> Self {
        let topics = (0..sharder.shards()).map(|shard| Topic::from(format!("{name}-{shard}"))).collect();
        Self { name: name.into(), topics, sharder: Some(sharder), capacity, carries: PhantomData }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its topics, by shard.
    #[must_use]
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// The most items of one topic.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// A value on its way, to the shard of its sequence number.
    pub fn publication(&self, sequence: u64, id: impl Into<ItemId>, value: &T) -> Publication {
        let shard = self.sharder.as_ref().map_or(0, |sharder| sharder.shard_of_number(sequence));
        Publication::new(self.topics[shard].clone(), Item::new(id, value.encode()))
    }

    /// A value on its way, to be received together with others of its bundle.
    pub fn bundled(&self, bundle: impl Into<Bundle>, id: impl Into<ItemId>, value: &T) -> Publication {
        let item = Item::new(id, value.encode()).with_bundle(bundle);
        Publication::new(self.topics[0].clone(), item)
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            topics: Arc::clone(&self.topics),
            sharder: self.sharder.clone(),
            capacity: self.capacity,
            carries: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("name", &self.name)
            .field("topics", &self.topics.len())
            .finish_non_exhaustive()
    }
}
