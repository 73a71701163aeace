//! Spreads a stream over shards, each with a queue of its own.

use std::sync::Arc;

use entourage_core::planted;
use entourage_queue::{Ask, Delivery, Item, Publication, Step, Topic};
use entourage_sharding::{Modulo, ShardingFunction};

use crate::stage::Combinator;

/// The book's sharder (chapter 11): each item goes to one of N queues, by key or by number.
///
/// The same key goes to the same shard for ever, in every process and release: the function is
/// an [`entourage_sharding::ShardingFunction`], the one that serving uses.
#[derive(Clone, Debug)]
pub struct Sharder {
    by: By,
}

#[derive(Clone, Debug)]
enum By {
    Key(Arc<dyn ShardingFunction>),
    Number(Modulo),
}

impl Sharder {
    /// Shards by key.
    pub fn by_key(function: impl ShardingFunction + 'static) -> Self {
        Self { by: By::Key(Arc::new(function)) }
    }

    /// Shards by sequence number: number `n` goes to shard `n` modulo the number of shards.
    #[must_use]
    pub const fn by_number(function: Modulo) -> Self {
        Self { by: By::Number(function) }
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        match &self.by {
            By::Key(function) => function.shards() as usize,
            By::Number(function) => function.shards() as usize,
        }
    }

    /// The shard of a key.
    #[must_use]
    pub fn shard_of(&self, key: &[u8]) -> usize {
        match &self.by {
            By::Key(function) => function.shard(key).index(),
            By::Number(function) => function.shard(key).index(),
        }
    }

    /// The shard of a sequence number; one that shards by key takes its eight bytes, big-endian.
    #[must_use]
    pub fn shard_of_number(&self, number: u64) -> usize {
        match &self.by {
            By::Key(function) => function.shard(&number.to_be_bytes()).index(),
            By::Number(function) => function.of_number(number).index(),
        }
    }

    /// A stage that moves every item of its input to the topic of its shard.
    ///
    /// An item is sharded by its ordering key, or else by its id.
    ///
    /// # Panics
    /// Unless there is one output for each shard.
    #[must_use]
    pub fn stage(&self, outputs: Vec<Topic>) -> ShardStage {
        assert_eq!(outputs.len(), self.shards(), "a sharder needs one output for each shard");
        ShardStage { sharder: self.clone(), outputs }
    }
}

/// What [`Sharder::stage`] returns.
#[derive(Debug)]
pub struct ShardStage {
    sharder: Sharder,
    outputs: Vec<Topic>,
}

impl ShardStage {
    fn topic(&self, item: &Item) -> Topic {
        let key = item.key().filter(|_| !planted("sharder-ignores-keys"));
        let key = key.map_or_else(|| item.id().as_str(), |key| key.as_str());
        self.outputs[self.sharder.shard_of(key.as_bytes())].clone()
    }
}

impl Combinator for ShardStage {
    fn ask(&self) -> Ask {
        Ask::up_to(100)
    }

    fn combine(&self, batch: Vec<Delivery>) -> Step {
        batch.into_iter().fold(Step::new(), |step, delivery| {
            let item = delivery.item().clone();
            step.publish(Publication::new(self.topic(&item), item)).accept(delivery)
        })
    }
}
