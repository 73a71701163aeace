//! Who waits, who gives up, and what they leave behind.

use std::sync::Arc;

use entourage_core::{Clock, sleep, timeout};
use entourage_election::{AdvisoryLock, Ownership};
use entourage_store::{MemoryOptions, RecordingStore, Store, StoreExt, Txn};
use tokio::task::JoinHandle;

use crate::{
    NAME, TTL, keys, lock, memory, settle,
    wire::{Way, Wire},
};

fn acquiring(store: impl Into<entourage_store::FencedStore>) -> JoinHandle<Ownership> {
    let lock = lock(store);
    tokio::spawn(async move { lock.acquire().await.unwrap() })
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_leaves_no_key_behind() {
    let (clock, store) = memory();
    let owner = lock(store.clone()).acquire().await.unwrap();
    let patient = lock(store.clone());
    let deadline = clock.now() + TTL / 4;
    assert!(patient.acquire_until(deadline).await.unwrap().is_none());
    settle(&clock).await;
    assert_eq!(keys(&store).await, [owner.key().unwrap().0]);

    // At whatever moment it is dropped.
    for polls in 0..40_u32 {
        let record = RecordingStore::new(store.clone());
        let waiting = acquiring(record);
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        sleep(&*clock, TTL).await;
        assert_eq!(keys(&store).await.len(), 1, "dropped after {polls} polls");
    }
    owner.release().await.unwrap();
    assert!(patient.try_acquire().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_without_a_store_leaves_its_key_no_longer_than_the_time_to_live() {
    let (clock, store) = memory();
    let owner = lock(store.clone()).acquire().await.unwrap();
    let wire = Wire::to(store.clone());
    let waiter = lock(wire.fenced());
    let waiting = tokio::spawn({
        let waiter = waiter.clone();
        async move { waiter.acquire().await.map(drop) }
    });
    settle(&clock).await;
    wire.becomes(Way::Silent);
    waiting.abort();
    sleep(&*clock, TTL).await;
    assert_eq!(keys(&store).await.len(), 1);
    // Its lock is of use again.
    wire.becomes(Way::Open);
    owner.release().await.unwrap();
    assert!(waiter.acquire().await.unwrap().is_held());
}

#[tokio::test(start_paused = true)]
async fn a_watch_with_gaps_delays_nobody_for_ever() {
    let clock: Arc<dyn Clock> = Arc::new(entourage_core::PausedClock::new());
    let options = MemoryOptions::new().with_clock(Arc::clone(&clock)).with_history(2);
    let store = entourage_store::MemoryStore::with_options(options);
    let owner = lock(store.clone()).acquire().await.unwrap();
    let wire = Wire::to(store.clone());
    let waiting = acquiring(wire.fenced());
    settle(&clock).await;
    wire.becomes(Way::Silent);
    let next = acquiring(store.clone());
    settle(&clock).await;
    owner.release().await.unwrap();
    for number in 0..10 {
        store.put("noise", number.to_string().into()).await.unwrap();
    }
    settle(&clock).await;
    assert!(!next.is_finished(), "the first waiter is before it");
    wire.becomes(Way::Open);
    let first = timeout(&*clock, TTL * 2, waiting).await.expect("it is granted").unwrap();
    first.release().await.unwrap();
    assert!(next.await.unwrap().is_held());
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_more_than_a_listing_holds_is_waited_out() {
    let (_, store) = memory();
    let session = store.session(TTL).await.unwrap();
    for number in 0..1_100 {
        let txn = Txn::new().put_with(format!("{NAME}/crowd-{number}"), "", session.id());
        assert!(store.transact(txn).await.unwrap().applied().is_some());
    }
    let owner = lock(store.clone()).acquire().await.unwrap();
    assert!(
        store.list(&entourage_store::What::prefix(format!("{NAME}/crowd"))).await.unwrap().entries.is_empty()
    );
    assert!(owner.is_held());
}

#[tokio::test(start_paused = true)]
async fn an_advisory_lock_avoids_double_work() {
    let (_, store) = memory();
    let advisory = || {
        let store: Arc<dyn Store> = Arc::new(store.clone());
        AdvisoryLock::builder(store, NAME).ttl(TTL).build().unwrap()
    };
    let (a, b) = (advisory(), advisory());
    let held = a.acquire().await.unwrap();
    assert!(held.is_held());
    assert!(b.try_acquire().await.unwrap().is_none());
    held.release().await.unwrap();
    assert!(b.try_acquire().await.unwrap().is_some());
}

#[test]
fn a_lock_that_cannot_work_is_refused_when_it_is_built() {
    let store = entourage_store::MemoryStore::new();
    let short = entourage_election::LeaseLock::builder(store.clone(), NAME).ttl(std::time::Duration::ZERO);
    assert!(matches!(short.build(), Err(entourage_election::Error::Timings(_))));
    let inside = entourage_election::LeaseLock::builder(store, "printer/left");
    assert!(matches!(inside.build(), Err(entourage_election::Error::Name(_))));
}
