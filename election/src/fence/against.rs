//! Fences judged by what the lock's store says.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entourage_core::{Clock, Fence, Moment, planted, timeout};
use entourage_store::FencedStore;

use super::{
    check::{FenceCheck, Refused},
    key::{key_of, owner_of},
    table::Table,
};

/// Asks the lock's store: the fence must be the latest grant, and its presenter the owner.
///
/// The double check of Burns, chapter 9. Every former owner is refused from the successor's
/// grant on, with no need to seal; the price is a read of the store for each check.
///
/// With [a cache](AgainstStore::with_cache) of age *a*, an answer is used for *a* after the
/// read was sent: **a former owner may be let in for up to *a* after its successor's grant**,
/// though never after a request of the successor's was let in here.
///
/// A store that does not answer within [a time limit](AgainstStore::with_time_limit), or has
/// failed, lets nothing in that is not cached.
#[derive(Debug)]
pub struct AgainstStore {
    store: FencedStore,
    clock: Arc<dyn Clock>,
    cache: Option<Cache>,
    time_limit: Duration,
}

#[derive(Debug)]
struct Cache {
    age: Duration,
    grants: Table<Mutex<Option<Grant>>>,
}

/// The latest grant of a lock that is known.
#[derive(Clone, Debug)]
struct Grant {
    epoch: u64,
    owner: Option<Arc<str>>,
    /// It was the latest at this moment, or later.
    as_of: Moment,
}

impl AgainstStore {
    /// How long the store may take to answer unless said otherwise.
    pub const TIME_LIMIT: Duration = Duration::from_secs(3);

    /// Asks `store`, which must be the one that holds the locks, each time.
    pub fn new(store: impl Into<FencedStore>) -> Self {
        let store = store.into();
        Self { clock: store.clock(), store, cache: None, time_limit: Self::TIME_LIMIT }
    }

    /// Uses an answer for `age` after it was asked for, for up to `scopes` locks; others are asked
    /// for each time.
    #[must_use]
    pub fn with_cache(mut self, age: Duration, scopes: usize) -> Self {
        self.cache = Some(Cache { age, grants: Table::new(scopes) });
        self
    }

    /// Refuses when the store has not answered after `limit`.
    #[must_use]
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    async fn ask(&self, fence: &Fence, owner: Option<&str>) -> Result<(), Refused> {
        // The answer is of a moment after this one: on the safe side.
        let as_of = self.clock.now();
        let key = key_of(fence.scope().as_str());
        let entry = timeout(&*self.clock, self.time_limit, self.store.get(&key))
            .await
            .map_err(|elapsed| Refused::Unavailable(Box::new(elapsed)))?
            .map_err(|error| Refused::Unavailable(Box::new(error)))?;
        let Some(entry) = entry else { return Err(Refused::NotGranted { fence: fence.clone() }) };
        let owner_there = owner_of(&entry.value).map(Arc::from);
        let grant = Grant { epoch: entry.version.number(), owner: owner_there, as_of };
        let judged = grant.judge(fence, owner);
        if let Some(cache) = &self.cache {
            cache.note(fence, grant);
        }
        judged
    }

    fn foreign(&self, fence: &Fence) -> Option<Refused> {
        let expected = self.store.realm();
        let is_foreign = fence.realm() != expected;
        is_foreign.then(|| Refused::ForeignRealm { fence: fence.clone(), expected })
    }
}

impl Grant {
    fn judge(&self, fence: &Fence, owner: Option<&str>) -> Result<(), Refused> {
        if fence.epoch() < self.epoch && !planted("fence-owner-alone") {
            return Err(Refused::Stale { fence: fence.clone(), current: self.epoch });
        }
        if fence.epoch() > self.epoch {
            return Err(Refused::NotGranted { fence: fence.clone() });
        }
        match owner {
            Some(presented) if self.owner.as_deref() != Some(presented) && !planted("fence-any-owner") => {
                Err(Refused::NotOwner {
                    fence: fence.clone(),
                    presented: presented.to_owned(),
                    owner: self.owner.as_deref().unwrap_or_default().to_owned(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl Cache {
    /// Keeps the later of what is known and what was answered: answers overtake each other.
    fn note(&self, fence: &Fence, grant: Grant) {
        let Some(known) = self.grants.entry(fence.scope()) else { return };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let rank = |grant: &Grant| (grant.epoch, grant.as_of);
        if known.as_ref().is_none_or(|known| rank(known) < rank(&grant)) {
            *known = Some(grant);
        }
    }

    fn judge(&self, fence: &Fence, owner: Option<&str>, now: Moment) -> Option<Result<(), Refused>> {
        let known = self.grants.find(fence.scope().as_str())?;
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = known.as_ref()?;
        let is_fresh = now.since(grant.as_of) < self.age || planted("fence-cache-never-ages");
        // That a fence is stale stays true for ever; that it is current or unknown does not.
        let is_known = fence.epoch() < grant.epoch || fence.epoch() == grant.epoch && is_fresh;
        is_known.then(|| grant.judge(fence, owner))
    }
}

#[async_trait::async_trait]
impl FenceCheck for AgainstStore {
    fn known(&self, fence: &Fence, owner: Option<&str>) -> Option<Result<(), Refused>> {
        if let Some(foreign) = self.foreign(fence) {
            return Some(Err(foreign));
        }
        self.cache.as_ref()?.judge(fence, owner, self.clock.now())
    }

    async fn check(&self, fence: &Fence, owner: Option<&str>) -> Result<(), Refused> {
        match self.known(fence, owner) {
            Some(answer) => answer,
            None => self.ask(fence, owner).await,
        }
    }

    /// Asks the store whatever is cached; from then on the cache refuses every former owner.
    async fn seal(&self, fence: &Fence, owner: Option<&str>) -> Result<(), Refused> {
        match self.foreign(fence) {
            Some(foreign) => Err(foreign),
            None => self.ask(fence, owner).await,
        }
    }
}
