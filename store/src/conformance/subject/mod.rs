//! What a case is given: a fresh store, its time, and the steps that cases share.

mod time;

use std::{fmt, future::Future, ops::Deref, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use entourage_engine::conformance::{ManualClock, patience::Patience};

use super::observer::Observer;
use crate::{Entry, Error, Listing, Outcome, Session, SessionId, Store, StoreExt, Txn, Version, Watch, What};

/// Opens the same data once more, as another process would.
pub type Reopen = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Arc<dyn Store>> + Send>> + Send + Sync>;

/// Drops every change so far from a store's history.
pub type Compact = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// How a store comes to forget changes.
#[derive(Clone)]
enum History {
    /// Never while a case runs.
    Endless,
    /// It keeps so many.
    Bounded(usize),
    /// When it is told to.
    Compacted(Compact),
}

/// A fresh, empty store with what the cases need beside it.
///
/// It dereferences to the store. Its own methods are steps whose failure fails the case.
#[derive(Clone)]
pub struct Subject {
    store: Arc<dyn Store>,
    clock: Option<Arc<ManualClock>>,
    patience: Patience,
    grain: i64,
    alone: bool,
    history: History,
    reopen: Option<Reopen>,
}

impl Subject {
    /// A store that lives by `clock`, on the case's own runtime, and that nobody else uses.
    pub fn new(store: Arc<dyn Store>, clock: Arc<ManualClock>) -> Self {
        let (clock, patience, history) = (Some(clock), Patience::TURNS, History::Endless);
        Self { store, clock, patience, grain: 1, alone: true, history, reopen: None }
    }

    /// A store that lives by real time, which the cases then really wait for.
    pub fn in_real_time(store: Arc<dyn Store>) -> Self {
        let (patience, history) = (Patience::WALL, History::Endless);
        Self { store, clock: None, patience, grain: 1, alone: true, history, reopen: None }
    }

    /// With threads or sockets: what is expected may take a while of real time.
    #[must_use]
    pub const fn with_threads(mut self) -> Self {
        self.patience = Patience::WALL;
        self
    }

    /// With a clock whose nanoseconds the store does not tell apart, only so many of them.
    ///
    /// The [`model`](super::model) then moves it by whole ones.
    #[must_use]
    pub const fn with_grain(mut self, nanos: i64) -> Self {
        self.grain = nanos;
        self
    }

    /// The shortest time that the store tells, in nanoseconds.
    pub(crate) const fn grain(&self) -> i64 {
        self.grain
    }

    /// With others who use the same server, beside these keys: their commits count in its
    /// versions, and they may have dropped its history from before now.
    #[must_use]
    pub const fn with_neighbours(mut self) -> Self {
        self.alone = false;
        self
    }

    /// With a history that keeps this many changes, and drops the oldest of more.
    ///
    /// Fewer than 64 are too few for the cases that must not see a resync.
    #[must_use]
    pub fn with_history(mut self, changes: usize) -> Self {
        self.history = History::Bounded(changes);
        self
    }

    /// With a history that is dropped by this. Only for a server that runs no other case at
    /// the same time: its watches would lose their past too.
    #[must_use]
    pub fn with_compaction(mut self, compact: Compact) -> Self {
        self.history = History::Compacted(compact);
        self
    }

    /// With a way to open the same data once more. Without it, the cases named in
    /// [`NEED_REOPEN`](super::NEED_REOPEN) cannot be run: exempt them.
    #[must_use]
    pub fn with_reopen(mut self, reopen: Reopen) -> Self {
        self.reopen = Some(reopen);
        self
    }

    /// The same subject around its store, such as a decorator or a wrong store.
    #[must_use]
    pub fn map(mut self, wrap: impl Fn(Arc<dyn Store>) -> Arc<dyn Store> + Send + Sync + 'static) -> Self {
        self.store = wrap(self.store);
        if let Some(reopen) = self.reopen.take() {
            let wrap = Arc::new(wrap);
            self.reopen = Some(Arc::new(move || {
                let (opening, wrap) = (reopen(), Arc::clone(&wrap));
                Box::pin(async move { wrap(opening.await) })
            }));
        }
        self
    }

    /// The store itself, to be handed to a task.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The changes that its history keeps; `None` if it is not bounded by their number.
    #[must_use]
    pub const fn history(&self) -> Option<usize> {
        match self.history {
            History::Bounded(changes) => Some(changes),
            _ => None,
        }
    }

    /// Drops the history, where that is done by a call.
    pub async fn compact(&self) {
        if let History::Compacted(compact) = &self.history {
            self.soon("dropping the history", compact()).await;
        }
    }

    /// Before the first change that a watch can be asked for.
    pub async fn beginning(&self) -> Version {
        if self.alone { Version::ZERO } else { self.listing(What::prefix("").limit(1)).await.as_of }
    }

    /// Fails unless `said` is a version for the latest, where the case itself made `known` last.
    #[track_caller]
    pub fn assert_latest(&self, said: Version, known: Version) {
        let right = if self.alone { said == known } else { said >= known };
        assert!(right, "{said} is said to be the latest version, which is {known}");
    }

    /// The same data, opened once more.
    pub async fn reopen(&self) -> Self {
        let reopen = self.reopen.as_ref().expect("the fixture reopens, or exempts the cases that need it");
        Self { store: self.soon("opening the store once more", reopen()).await, ..self.clone() }
    }

    /// Whether the same data can be opened once more.
    #[must_use]
    pub const fn can_reopen(&self) -> bool {
        self.reopen.is_some()
    }

    /// What `future`, of so many attempts, gives, or `None` if that takes too long.
    pub(crate) async fn attempt_all<F: Future>(&self, attempts: u32, future: F) -> Option<F::Output> {
        self.patience.times(attempts).attempt(future).await
    }

    /// What `future` gives; fails if that takes too long.
    pub async fn soon<F: Future>(&self, what: &str, future: F) -> F::Output {
        self.patience.wait(what, future).await
    }

    /// What stands under `key`.
    pub async fn read(&self, key: &str) -> Option<Entry> {
        self.get(key).await.unwrap_or_else(|error| panic!("{key:?} cannot be read: {error:?}"))
    }

    /// The value under `key`; empty if there is none.
    pub async fn value(&self, key: &str) -> Bytes {
        self.read(key).await.map(|entry| entry.value).unwrap_or_default()
    }

    /// Whether there is something under `key`.
    pub async fn has(&self, key: &str) -> bool {
        self.read(key).await.is_some()
    }

    /// Writes `value` under `key`.
    pub async fn write(&self, key: &str, value: impl Into<Bytes> + Send) -> Version {
        let written = self.put(key, value.into()).await;
        written.unwrap_or_else(|error| panic!("{key:?} cannot be written: {error:?}"))
    }

    /// Deletes `key`.
    pub async fn remove(&self, key: &str) -> Version {
        self.delete(key).await.unwrap_or_else(|error| panic!("{key:?} cannot be deleted: {error:?}"))
    }

    /// The version in which `txn` applies; a refusal fails the case.
    pub async fn commit(&self, txn: Txn) -> Version {
        match self.transact(txn.clone()).await {
            Ok(Outcome::Applied { version }) => version,
            other => panic!("{txn:?} should apply, but: {other:?}"),
        }
    }

    /// The failing condition and what it found; anything but a refusal fails the case.
    pub async fn refusal(&self, txn: Txn) -> (usize, Option<Entry>) {
        match self.transact(txn.clone()).await {
            Ok(Outcome::Refused { condition, found }) => (condition, found),
            other => panic!("{txn:?} should be refused, but: {other:?}"),
        }
    }

    /// The error that `txn` ends in; any answer fails the case.
    pub async fn error(&self, txn: Txn) -> Error {
        match self.transact(txn.clone()).await {
            Err(error) => error,
            Ok(outcome) => panic!("{txn:?} should be an error, but: {outcome:?}"),
        }
    }

    /// The entries asked for.
    pub async fn listing(&self, what: What) -> Listing {
        self.list(&what).await.unwrap_or_else(|error| panic!("{what:?} cannot be listed: {error:?}"))
    }

    /// The keys of the entries asked for.
    pub async fn keys(&self, what: What) -> Vec<String> {
        self.listing(what).await.entries.into_iter().map(|entry| entry.key).collect()
    }

    /// A new session.
    pub async fn open(&self, ttl: Duration) -> Session {
        self.session(ttl).await.unwrap_or_else(|error| panic!("no session of {ttl:?}: {error:?}"))
    }

    /// A new session that lasts as long as any case.
    pub async fn open_long(&self) -> Session {
        self.open(Duration::from_secs(60)).await
    }

    /// Whether the store itself still honours this incarnation.
    pub async fn honours(&self, session: &Session) -> bool {
        let answer = self.transact(Txn::new().when_held(session.fence().clone())).await;
        answer.expect("a fence of this store can be tested").applied().is_some()
    }

    /// A new incarnation of a session.
    pub async fn take_over(&self, id: SessionId) -> Session {
        self.resume(id).await.unwrap_or_else(|error| panic!("{id} cannot be resumed: {error:?}"))
    }

    /// A watch whose every step is bounded.
    pub async fn observe(&self, prefix: &str, after: Option<Version>) -> Observer {
        let watch = self.watch(prefix, after).await;
        self.observer(watch.unwrap_or_else(|error| panic!("{prefix:?} cannot be watched: {error:?}")))
    }

    pub(crate) const fn observer(&self, watch: Box<dyn Watch>) -> Observer {
        Observer::new(watch, self.patience)
    }
}

impl Deref for Subject {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("store", &self.store).finish_non_exhaustive()
    }
}
