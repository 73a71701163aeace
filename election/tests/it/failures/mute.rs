//! Calls that are never answered, by a store that has no time-out of its own.

use std::{
    future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, PausedClock, Realm, timeout};
use entourage_store::{
    Capabilities, Entry, FencedStore, Listing, MemoryOptions, MemoryStore, Outcome, Result, Session,
    SessionId, Store, StoreExt, Txn, Version, Watch, What,
};

use crate::{TTL, lock, settle, wire::Wire};

use super::acquiring;

/// A store in memory whose next reads are never answered.
#[derive(Clone, Debug)]
struct Mute {
    store: MemoryStore,
    reads: Arc<AtomicUsize>,
}

impl Mute {
    fn new(history: usize) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
        let options = MemoryOptions::new().with_clock(clock).with_history(history);
        Self { store: MemoryStore::with_options(options), reads: Arc::default() }
    }

    fn fenced(&self) -> FencedStore {
        FencedStore::try_from(Arc::new(self.clone()) as Arc<dyn Store>).unwrap()
    }

    fn answers_no_read(&self, times: usize) {
        self.reads.store(times, Ordering::Relaxed);
    }

    async fn read(&self) {
        let left = self.reads.load(Ordering::Relaxed);
        self.reads.store(left.saturating_sub(1), Ordering::Relaxed);
        if left > 0 {
            future::pending::<()>().await;
        }
    }
}

impl Describe for Mute {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.store.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl Store for Mute {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn realm(&self) -> Realm {
        self.store.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.store.clock()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.read().await;
        self.store.get(key).await
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        self.read().await;
        self.store.list(what).await
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        self.store.transact(txn).await
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        self.store.session(ttl).await
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        self.store.resume(id).await
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        self.store.watch(prefix, after).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_look_at_the_queue_is_never_answered_looks_again() {
    let mute = Mute::new(2);
    let (store, clock) = (mute.store.clone(), mute.clock());
    let owner = lock(store.clone()).acquire().await.unwrap();
    let wire = Wire::to(mute.clone());
    let waiting = acquiring(lock(wire.fenced()));
    settle(&clock).await;
    wire.is_deaf(true);
    owner.release().await.unwrap();
    for number in 0..10 {
        store.put("noise", number.to_string().into()).await.unwrap();
    }
    // Its watch has a gap, so that only a listing tells it that it is first.
    mute.answers_no_read(1);
    wire.is_deaf(false);
    let next = timeout(&*clock, TTL * 2, waiting).await.expect("it is granted");
    assert!(next.unwrap().unwrap().is_held());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_while_nothing_answers_gives_its_turn_back() {
    let mute = Mute::new(100);
    let (store, clock) = (mute.store.clone(), mute.clock());
    let owner = lock(store.clone()).acquire().await.unwrap();
    let waiter = lock(mute.fenced());
    let waiting = acquiring(waiter.clone());
    settle(&clock).await;
    mute.answers_no_read(1);
    waiting.abort();
    let again = acquiring(waiter);
    owner.release().await.unwrap();
    let again = timeout(&*clock, TTL * 2, again).await.expect("it is granted");
    assert!(again.unwrap().unwrap().is_held());
}
