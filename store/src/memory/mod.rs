//! A store in this process's memory.

mod history;
mod seats;
mod state;
mod watch;

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Moment, Realm, SystemClock};
use tokio::sync::watch as channel;

use self::{state::State, watch::MemoryWatch};
use crate::{
    capabilities::{Capabilities, Exclusion},
    counts::Counts,
    entry::{Entry, Version},
    error::Result,
    fenced::FencedStore,
    limits::Grant,
    listing::{Listing, What},
    session::{Lease, Session, SessionId},
    store::Store,
    txn::{Outcome, Txn},
    watch::Watch,
};

/// A store in this process's memory, for tests and for programs of one process.
///
/// A clone is a handle to the same store. It promises all that the contract asks except
/// durability: what it holds ends with the process, and its realm with it, so a fence of an
/// earlier run is refused as foreign.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> entourage_store::Result<()> {
/// use entourage_store::{MemoryStore, Store, StoreExt};
///
/// let store = MemoryStore::new();
/// store.put("greeting", "hello".into()).await?;
/// assert_eq!(store.get("greeting").await?.map(|entry| entry.value), Some("hello".into()));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

/// How a [`MemoryStore`] is made.
#[derive(Clone, Debug)]
#[must_use]
pub struct MemoryOptions {
    name: String,
    clock: Arc<dyn Clock>,
    realm: Option<Realm>,
    history: usize,
    limits: Capabilities,
}

impl MemoryOptions {
    /// Named "store", on the system's clock, in a realm drawn at random, with a history of
    /// 10,000 changes.
    pub fn new() -> Self {
        Self {
            name: "store".to_owned(),
            clock: Arc::new(SystemClock::new()),
            realm: None,
            history: 10_000,
            limits: Capabilities::new().with_exclusion(Exclusion::Fenced),
        }
    }

    /// With this name in a blueprint.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With sessions that are judged by this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// In this realm, so that a simulation can be repeated to the byte.
    pub const fn with_realm(mut self, realm: Realm) -> Self {
        self.realm = Some(realm);
        self
    }

    /// With a history of this many changes for watches that lag behind; also bounded to 64 MiB
    /// of keys and values. The latest commit always stays.
    pub const fn with_history(mut self, changes: usize) -> Self {
        self.history = changes;
        self
    }

    /// With these limits of operations, value size and times to live. What else they say is
    /// not asked: a memory store is fenced, volatile and unshared, and looks at its clock.
    pub const fn with_limits(mut self, limits: Capabilities) -> Self {
        let limits = limits.with_exclusion(Exclusion::Fenced).with_durable(false).with_shared(false);
        self.limits = limits.with_expiry_lag(Duration::ZERO);
        self
    }
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// What the handles, leases and watches of one store share.
struct Shared {
    name: String,
    clock: Arc<dyn Clock>,
    realm: Realm,
    limits: Capabilities,
    counts: Counts,
    state: Mutex<State>,
    committed: channel::Sender<Version>,
}

impl Shared {
    /// Acts on the state at one moment, and wakes the watches if that made a commit.
    fn with<T>(&self, act: impl FnOnce(&mut State, Moment) -> T) -> T {
        // No call of the state leaves it in part done, even if `act` panics around it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that the state never sees time go backwards.
        let now = self.clock.now();
        let (version, expired) = (state.version(), state.expired());
        let answer = act(&mut state, now);
        self.counts.expired.add(state.expired() - expired);
        if state.version() != version {
            self.committed.send_replace(state.version());
        }
        answer
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).field("realm", &self.realm).finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// An empty store on the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(MemoryOptions::new())
    }

    /// An empty store whose sessions are judged by this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::with_options(MemoryOptions::new().with_clock(clock))
    }

    /// An empty store made as `options` say.
    #[must_use]
    pub fn with_options(options: MemoryOptions) -> Self {
        let MemoryOptions { name, clock, realm, history, limits } = options;
        let realm = realm.unwrap_or_else(random_realm);
        let state = Mutex::new(State::new(realm, limits, history));
        let (counts, committed) = (Counts::new(), channel::Sender::new(Version::ZERO));
        Self { shared: Arc::new(Shared { name, clock, realm, limits, counts, state, committed }) }
    }

    fn granted(&self, grant: Grant, sent: Moment) -> Session {
        let shared = &self.shared;
        let lease = MemoryLease { shared: Arc::clone(shared), grant };
        let (id, fence) = (grant.id(shared.realm), grant.fence(shared.realm));
        Session::granted(id, fence, grant.ttl, sent, Arc::clone(&shared.clock), Arc::new(lease))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { name, realm, .. } = &*self.shared;
        f.debug_struct("MemoryStore").field("name", name).field("realm", realm).finish_non_exhaustive()
    }
}

impl From<MemoryStore> for FencedStore {
    fn from(store: MemoryStore) -> Self {
        Self::proved(store)
    }
}

impl Describe for MemoryStore {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.shared.counts.describe(blueprint, &self.shared.name, "memory");
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        self.shared.limits
    }

    fn realm(&self) -> Realm {
        self.shared.realm
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.shared.counts.gets.increment();
        self.shared.with(|state, now| state.get(now, key))
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        self.shared.counts.lists.increment();
        self.shared.with(|state, now| state.list(now, what))
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        let answer = self.shared.with(|state, now| state.transact(now, txn));
        self.shared.counts.transacted(&answer);
        answer
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        let sent = self.shared.clock.now();
        let grant = self.shared.with(|state, now| state.open(now, ttl));
        self.shared.counts.opened.increment();
        Ok(self.granted(grant, sent))
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        let sent = self.shared.clock.now();
        let grant = self.shared.with(|state, now| state.resume(now, id))?;
        self.shared.counts.resumed.increment();
        Ok(self.granted(grant, sent))
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        let latest = || {
            self.shared.with(|state, now| {
                state.expire(now);
                state.version()
            })
        };
        let after = after.unwrap_or_else(latest);
        Ok(Box::new(MemoryWatch::new(Arc::clone(&self.shared), prefix, after)))
    }
}

/// The store's side of one incarnation of a session.
#[derive(Debug)]
struct MemoryLease {
    shared: Arc<Shared>,
    grant: Grant,
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Lease for MemoryLease {
    async fn renew(&self) -> Result<Duration> {
        let ttl = self.shared.with(|state, now| state.renew(now, &self.grant))?;
        self.shared.counts.renewed.increment();
        Ok(ttl)
    }

    async fn end(&self) -> Result<()> {
        if self.shared.with(|state, now| state.end(now, &self.grant)) {
            self.shared.counts.ended.increment();
        }
        Ok(())
    }
}

/// A realm that nothing else has: the standard library keys each `RandomState` from the
/// system's entropy.
fn random_realm() -> Realm {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    Realm::new((half() << 64) | half())
}
