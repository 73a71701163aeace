//! The elements of a list as work.

use entourage_blueprint::{Blueprint, Counters, Describe};
use entourage_core::planted;
use entourage_engine::redis::{Answer, Fault, MOST_ITEMS, RedisOptions, Script};

use super::reach::{Reach, away};
use crate::source::{
    WorkSource,
    counts::Counts,
    data::ItemData,
    error::{SourceError, SourceResult},
    finish::Finish,
    listing::Listing,
    name::ItemName,
};

static TAKE: Script = Script::writing("source-list-take", include_str!("lua/take.lua"));
static TAKEN: Script = Script::reading("source-list-taken", "return redis.call('HKEYS', key('taken'))");
static ITEM: Script = Script::reading("source-list-item", include_str!("lua/item.lua"));
static FINISH: Script = Script::freeing("source-list-finish", include_str!("lua/finish.lua"));

/// Bytes that one script moves before others have their turn.
const AT_ONCE: u64 = 1024 * 1024;

/// A source of the elements of a Redis list that any program pushes to.
///
/// An element has no name, and two equal ones are two items. So a listing moves elements, in one
/// step at the server, into a hash beside the list, under numbers that are given once: these are
/// the names, in the order of the list, and the element's bytes are the data. At most 1,000 are
/// there at a time ([`with_limit`](Self::with_limit)), for all who list; they stay until they are
/// finished, so a crash loses nothing, and any manager lists what another has moved.
///
/// Beside the list `jobs` it keeps, in the same hash slot:
///
/// | key | what it holds |
/// | --- | --- |
/// | `{jobs}:source` | a hash: the realm of the data, and the highest number that was given |
/// | `{jobs}:source:taken` | a hash: elements by number, until they are finished |
/// | `{jobs}:source:dead` | a hash: elements by number that were given up; redriving finds them here, and nobody else removes them |
///
/// A server that lost acknowledged writes in a failover may give an element twice, as two items.
///
/// # Examples
/// ```no_run
/// use entourage_workqueue::{RedisListSource, RedisOptions};
///
/// // Producers run RPUSH jobs '…'.
/// let source = RedisListSource::new(RedisOptions::from_url("redis://localhost")?, "jobs")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RedisListSource {
    name: String,
    key: String,
    limit: usize,
    is_reversed: bool,
    reach: Reach,
    counts: Counts,
}

impl RedisListSource {
    const LIMIT: usize = 1_000;
    const LONGEST_KEY: usize = 128;

    /// The list at `key`, which need not exist yet; the prefix of `redis` is of no account.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] for a key that is not of 1 to 128 letters, digits and `-_.:/`, or
    /// of digits alone: others have no hash slot that can be shared.
    pub fn new(redis: RedisOptions, key: impl Into<String>) -> SourceResult<Self> {
        let key = key.into();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        let is_number = key.bytes().all(|byte| byte.is_ascii_digit());
        if key.len() > Self::LONGEST_KEY || is_number || !key.bytes().all(is_plain) {
            let what = "the key of a list that is a source has 1 to 128 letters, digits and -_.:/";
            return Err(SourceError::Invalid(format!("{what}, and is no number")));
        }
        Ok(Self {
            name: key.clone(),
            limit: Self::LIMIT,
            is_reversed: false,
            reach: Reach::new(redis.with_prefix(&*key)),
            key,
            counts: Counts::new(),
        })
    }

    /// The same source under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With at most this many elements taken at a time, from 1 to 10,000.
    #[must_use]
    pub const fn with_limit(mut self, items: usize) -> Self {
        self.limit = match items {
            0 => 1,
            1..=10_000 => items,
            _ => 10_000,
        };
        self
    }

    /// From the list's right end, for producers that push to the left: oldest first again.
    #[must_use]
    pub const fn from_right(mut self) -> Self {
        self.is_reversed = true;
        self
    }

    /// The source's numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.counters().clone()
    }

    fn away(&self, fault: Fault) -> SourceError {
        away(&self.name, &self.key, "list", fault)
    }

    /// Moves what there is room for; gives how many are left in the list, and what was moved.
    async fn take(&self) -> Result<(u64, Vec<u64>), Fault> {
        let pop = if self.is_reversed { "RPOP" } else { "LPOP" };
        let mut taken = Vec::new();
        loop {
            let call = TAKE.call().arg(&self.key).number(MOST_ITEMS as u64).number(self.limit as u64);
            let answer = self.reach.call(call.arg(pop).number(AT_ONCE)).await?;
            let [moved, first, left] = answer.tuple()?;
            let (moved, first, left) = (moved.number()?, first.number()?, left.number()?);
            taken.extend(first..first + moved);
            if moved == 0 || left == 0 || taken.len() >= self.limit {
                return Ok((left, taken));
            }
        }
    }

    async fn list(&self) -> Result<Listing, Fault> {
        let (left, taken) = self.take().await?;
        let mut numbers = if planted("list-trusts-its-memory") {
            taken
        } else {
            let answer = self.reach.call(TAKEN.call()).await?;
            answer.items()?.into_iter().map(Answer::number).collect::<Result<_, _>>()?
        };
        numbers.sort_unstable();
        let mut listing = Listing::builder();
        for number in numbers {
            listing.offer(&number.to_string());
        }
        if left > 0 {
            listing.miss(format!("{left} elements wait in the list until others are finished"));
        }
        Ok(listing.build())
    }

    async fn find(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        if !is_number(name) {
            return Ok(None);
        }
        let call = ITEM.call().arg(name.as_str()).number(ItemData::MAX_BYTES as u64);
        match self.reach.call(call).await.map_err(|fault| self.away(fault))? {
            Answer::Nil => Ok(None),
            Answer::Int(_) => Err(SourceError::TooLarge {
                what: format!("element {name} of the list {}", self.key),
                limit: ItemData::MAX_BYTES,
            }),
            element => ItemData::new(element.bytes().map_err(|fault| self.away(fault))?).map(Some),
        }
    }

    async fn finish(&self, names: &[ItemName], finish: Finish) -> Result<(), Fault> {
        let end = if finish == Finish::Dead { "dead" } else { "done" };
        let numbers: Vec<_> = names.iter().filter(|name| is_number(name)).collect();
        for numbers in numbers.chunks(MOST_ITEMS) {
            let call = numbers.iter().fold(FINISH.call().arg(end), |call, name| call.arg(name.as_str()));
            self.reach.call(call).await?;
        }
        Ok(())
    }
}

/// Whether it is a number as they are given.
fn is_number(name: &ItemName) -> bool {
    name.as_str().len() <= 20 && name.as_str().bytes().all(|byte| byte.is_ascii_digit())
}

#[async_trait::async_trait]
impl WorkSource for RedisListSource {
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
        self.counts.finished(names.len(), told.map(|()| Vec::new()))
    }
}

impl Describe for RedisListSource {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.counts.describe(blueprint, &self.name, "redis");
    }
}
