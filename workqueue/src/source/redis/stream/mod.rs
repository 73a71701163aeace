//! The entries of a Stream as work.

mod beat;
mod fields;
mod group;
mod look;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_blueprint::{Blueprint, Counters, Describe};
use entourage_core::{Clock, Moment, SystemClock};
use entourage_engine::redis::{Fault, MOST_ITEMS, RedisOptions};

use self::{
    beat::Beat,
    group::{Consumer, Fetched, Pending, says},
};
use super::reach::away;
use crate::source::{
    WorkSource,
    counts::Counts,
    data::ItemData,
    error::{SourceError, SourceResult},
    finish::Finish,
    listing::Listing,
    name::ItemName,
};

/// Where a group begins that a source creates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamStart {
    /// With the first entry that is in the Stream.
    #[default]
    Beginning,
    /// With the first entry that is added from then on.
    New,
}

/// A source of the entries of a Redis Stream that other programs add to.
///
/// It is a consumer of a group, with a name of its own in each incarnation, and lists what it has
/// read and nobody has acknowledged: at most 1,000 entries ([`with_limit`](Self::with_limit)), each
/// called by its id. What a consumer left that has been silent for a minute
/// ([`with_idle`](Self::with_idle)) it takes over. An entry's data is its fields as a JSON object:
/// `{"size":"17"}`; of a field that is there several times an array; of bytes that are no UTF-8
/// `{"hex":"00ff"}`, or `hex:00ff` as a field's name.
///
/// What is finished is acknowledged, in a script that looks whose it is: what a consumer of another
/// program has claimed by then is left to it, and so is what came back by another way. Managers on
/// many machines share the group and settle each other's entries. What was deleted or trimmed while
/// it was pending is no item, and is acknowledged. What was given up is acknowledged too and stays in
/// the Stream; a dead letter that is redriven finds no item and is a dead letter again: add the entry again.
///
/// The group is created, and the Stream too if it is absent, when the source is first listed.
/// One that is deleted later is an error until somebody creates it again, where it is to begin; on a
/// server that was emptied it is created again, at the beginning. The Stream gets no other key than
/// that; beside it there is a small hash, `{prefix}:source`, that tells an emptied server. A group
/// belongs to one work queue. A failover that loses acknowledgements has their entries done again.
///
/// # Examples
/// ```no_run
/// use entourage_workqueue::{RedisOptions, RedisStreamSource, StreamStart};
///
/// // Producers run XADD orders '*' coffees 2.
/// let redis = RedisOptions::from_url("redis://localhost")?;
/// let source = RedisStreamSource::new(redis, "orders", "kitchen").with_start(StreamStart::New);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RedisStreamSource {
    name: String,
    limit: usize,
    start: StreamStart,
    deletes: bool,
    idle: Duration,
    clock: Arc<dyn Clock>,
    consumer: Consumer,
    state: Arc<Mutex<State>>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the group was seen to be there.
    has_joined: bool,
    /// Whether the server was emptied, and the group is still to be created anew.
    was_replaced: bool,
    /// Where the search for what others left goes on.
    cursor: Option<String>,
    swept: Option<Moment>,
    /// The deliveries that were listed last.
    listed: HashMap<String, u64>,
    beat: Beat,
}

impl RedisStreamSource {
    const LIMIT: usize = 1_000;

    /// The Stream at `key`, as a consumer of `group`.
    pub fn new(redis: RedisOptions, key: impl Into<String>, group: impl Into<String>) -> Self {
        let key = key.into();
        let random = RandomState::new();
        let nonce = (u128::from(random.hash_one(0)) << 64) | u128::from(RandomState::new().hash_one(1));
        Self {
            name: key.clone(),
            limit: Self::LIMIT,
            start: StreamStart::default(),
            deletes: false,
            idle: Duration::from_secs(60),
            clock: Arc::new(SystemClock::new()),
            consumer: Consumer::new(redis, key, group.into(), nonce),
            state: Arc::default(),
            counts: Counts::new(),
        }
    }

    /// The same source under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With a group that begins there, if there is none yet.
    #[must_use]
    pub const fn with_start(mut self, start: StreamStart) -> Self {
        self.start = start;
        self
    }

    /// Deleting what is done from the Stream too; what was given up stays there.
    #[must_use]
    pub const fn with_deletion(mut self) -> Self {
        self.deletes = true;
        self
    }

    /// Taking over what was with a consumer that has been silent for so long, at least 30 ms.
    ///
    /// A source gives signs of life at a third of its own.
    #[must_use]
    pub fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle.max(Duration::from_millis(30));
        self
    }

    /// With at most this many entries at a time, from 1 to 10,000.
    #[must_use]
    pub const fn with_limit(mut self, items: usize) -> Self {
        self.limit = match items {
            0 => 1,
            1..=10_000 => items,
            _ => 10_000,
        };
        self
    }

    /// The source's numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.counters().clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn away(&self, fault: Fault) -> SourceError {
        let Consumer { key, group, .. } = &self.consumer;
        if says(&fault, "NOGROUP") {
            let why =
                format!("the stream {key} or its group {group} was deleted; create it where it is to begin");
            return SourceError::unavailable(&*self.name, why);
        }
        away(&self.name, key, "stream", fault)
    }

    async fn find(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        if !is_id(name.as_str()) {
            return Ok(None);
        }
        match self.consumer.fetch(name.as_str()).await.map_err(|fault| self.away(fault))? {
            Fetched::None => Ok(None),
            Fetched::Data(json) => ItemData::new(json).map(Some),
            Fetched::TooLarge => Err(SourceError::TooLarge {
                what: format!("entry {name} of the stream {}", self.consumer.key),
                limit: ItemData::MAX_BYTES,
            }),
        }
    }

    async fn finish(&self, names: &[ItemName], finish: Finish) -> Result<Vec<ItemName>, Fault> {
        let mut kept = Vec::new();
        let ids = names.iter().filter(|name| is_id(name.as_str()));
        let entries: Vec<_> = {
            let state = self.state();
            let seen = |id: &str| state.listed.get(id).copied().unwrap_or(0);
            ids.map(|name| Pending { id: name.to_string(), deliveries: seen(name.as_str()) }).collect()
        };
        for entries in entries.chunks(MOST_ITEMS) {
            let others = self.consumer.finish(entries, finish, self.deletes).await?;
            kept.extend(others.into_iter().filter_map(|id| ItemName::new(id).ok()));
        }
        Ok(kept)
    }
}

/// Whether it is the id of an entry, as the server writes it: one entry has no other name.
fn is_id(text: &str) -> bool {
    let is_number = |part: &str| part.parse::<u64>().is_ok_and(|number| number.to_string() == part);
    text.split_once('-').is_some_and(|(time, sequence)| is_number(time) && is_number(sequence))
}

#[async_trait::async_trait]
impl WorkSource for RedisStreamSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.counts.listed(self.list().await.map_err(|fault| self.away(fault)))
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        self.counts.fetched(self.find(name).await)
    }

    fn is_used_up(&self) -> bool {
        true
    }

    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        let told = self.finish(names, finish).await.map_err(|fault| self.away(fault));
        self.counts.finished(names.len(), told)
    }
}

impl Describe for RedisStreamSource {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.counts.describe(blueprint, &self.name, "redis");
    }
}
