//! A way to a store that a test can cut, delay and make forget answers.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};
use entourage_store::{
    Capabilities, Condition, Entry, Error, FencedStore, Lease, Listing, Outcome, Result, Session, SessionId,
    Store, Txn, Version, Watch, What,
};
use tokio::sync::Notify;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Nothing happens, and the caller is told so.
    Refused,
    /// Nothing happens, and the caller waits.
    Silent,
}

#[derive(Debug)]
struct State {
    way: Mutex<Way>,
    mended: Notify,
    /// How many calls it has refused, or kept waiting.
    held_up: AtomicUsize,
    /// Watches show nothing; all else passes.
    deaf: AtomicBool,
    /// Resumptions wait; all else passes.
    unresumed: AtomicBool,
    /// So many transactions apply, and their callers do not learn of it.
    forgotten: AtomicUsize,
    /// What happens right before a transaction that writes this key.
    before: Mutex<Option<(String, Txn)>>,
}

/// One process's way to the store that all share.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    inner: Arc<dyn Store>,
    state: Arc<State>,
}

impl Wire {
    pub(crate) fn to(store: impl Store) -> Self {
        let (way, forgotten, before) = (Mutex::new(Way::Open), AtomicUsize::new(0), Mutex::new(None));
        let (mended, deaf, unresumed) = (Notify::new(), AtomicBool::new(false), AtomicBool::new(false));
        let held_up = AtomicUsize::new(0);
        let state = Arc::new(State { way, mended, held_up, deaf, unresumed, forgotten, before });
        Self { inner: Arc::new(store), state }
    }

    pub(crate) fn fenced(&self) -> FencedStore {
        let store: Arc<dyn Store> = Arc::new(self.clone());
        FencedStore::try_from(store).unwrap()
    }

    pub(crate) fn becomes(&self, way: Way) {
        *self.state.way.lock().unwrap() = way;
        self.state.mended.notify_waiters();
    }

    /// How many calls were refused so far, or kept waiting.
    pub(crate) fn held_up(&self) -> usize {
        self.state.held_up.load(Ordering::Relaxed)
    }

    /// Watches show nothing, or what they have not shown.
    pub(crate) fn is_deaf(&self, deaf: bool) {
        self.state.deaf.store(deaf, Ordering::Relaxed);
        self.state.mended.notify_waiters();
    }

    /// Sessions are resumed only later, or what had to wait is done.
    pub(crate) fn resumes_later(&self, later: bool) {
        self.state.unresumed.store(later, Ordering::Relaxed);
        self.state.mended.notify_waiters();
    }

    /// The next so many transactions apply, and their answers are lost.
    pub(crate) fn forget_answers(&self, transactions: usize) {
        self.state.forgotten.store(transactions, Ordering::Relaxed);
    }

    /// `txn` happens right before the next transaction that writes `key`, or has a condition on it.
    pub(crate) fn before_naming(&self, key: &str, txn: Txn) {
        *self.state.before.lock().unwrap() = Some((key.to_owned(), txn));
    }

    async fn pass(&self) -> Result<()> {
        loop {
            let mended = self.state.mended.notified();
            let way = *self.state.way.lock().unwrap();
            if way != Way::Open {
                self.state.held_up.fetch_add(1, Ordering::Relaxed);
            }
            match way {
                Way::Open => return Ok(()),
                Way::Refused => return Err(Error::Unavailable("cut".into())),
                Way::Silent => mended.await,
            }
        }
    }

    async fn grant(&self, granted: impl Future<Output = Result<Session>>) -> Result<Session> {
        let sent = self.clock().now();
        self.pass().await?;
        let session = granted.await?;
        let (id, fence, ttl) = (session.id(), session.fence().clone(), session.granted_ttl());
        let lease = WiredLease { session, wire: self.clone() };
        Ok(Session::granted(id, fence, ttl, sent, self.clock(), Arc::new(lease)))
    }
}

impl Describe for Wire {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl Store for Wire {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.pass().await?;
        self.inner.get(key).await
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        self.pass().await?;
        self.inner.list(what).await
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        self.pass().await?;
        let before = {
            let mut before = self.state.before.lock().unwrap();
            let due = |(key, _): &(String, Txn)| {
                let asks = |condition: &Condition| matches!(condition, Condition::Key { key: asked, .. } if asked == key);
                txn.operations.iter().any(|write| write.key() == key) || txn.conditions.iter().any(asks)
            };
            if before.as_ref().is_some_and(due) { before.take() } else { None }
        };
        if let Some((_, other)) = before {
            assert!(self.inner.transact(other).await?.applied().is_some());
        }
        let answer = self.inner.transact(txn).await;
        let left = self.state.forgotten.load(Ordering::Relaxed);
        self.state.forgotten.store(left.saturating_sub(1), Ordering::Relaxed);
        if left > 0 { Err(Error::Unknown("the answer was lost".into())) } else { answer }
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        self.grant(self.inner.session(ttl)).await
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        loop {
            let mended = self.state.mended.notified();
            if !self.state.unresumed.load(Ordering::Relaxed) {
                return self.grant(self.inner.resume(id)).await;
            }
            self.state.held_up.fetch_add(1, Ordering::Relaxed);
            mended.await;
        }
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        self.pass().await?;
        let watch = self.inner.watch(prefix, after).await?;
        Ok(Box::new(WiredWatch { watch, wire: self.clone() }))
    }
}

#[derive(Debug)]
struct WiredLease {
    session: Session,
    wire: Wire,
}

#[async_trait::async_trait]
impl Lease for WiredLease {
    async fn renew(&self) -> Result<Duration> {
        self.wire.pass().await?;
        self.session.renew().await?;
        Ok(self.session.granted_ttl())
    }

    async fn end(&self) -> Result<()> {
        self.wire.pass().await?;
        self.session.end().await
    }
}

#[derive(Debug)]
struct WiredWatch {
    watch: Box<dyn Watch>,
    wire: Wire,
}

#[async_trait::async_trait]
impl Watch for WiredWatch {
    async fn next(&mut self) -> Result<entourage_store::Change> {
        self.wire.pass().await?;
        let change = self.watch.next().await;
        // What comes while the wire is cut is seen when it is mended.
        let state = &self.wire.state;
        loop {
            let mended = state.mended.notified();
            if *state.way.lock().unwrap() != Way::Silent && !state.deaf.load(Ordering::Relaxed) {
                return change;
            }
            mended.await;
        }
    }

    fn position(&self) -> Version {
        self.watch.position()
    }
}
