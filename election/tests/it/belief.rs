//! What renewals keep, and what barks when they do not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use entourage_core::{Clock, SystemClock, sleep};
use entourage_election::LeaseLock;
use entourage_store::{FencedStore, MemoryStore};

use crate::{
    NAME, TTL, keys, lock, memory, settle,
    wire::{Way, Wire},
};

#[tokio::test(start_paused = true)]
async fn an_owner_is_kept_by_its_renewals_for_as_long_as_it_likes() {
    let (clock, store) = memory();
    let wire = Wire::to(store);
    let owner = lock(wire.fenced()).acquire().await.unwrap();
    for _ in 0..10 {
        // Every second try is refused.
        wire.becomes(Way::Refused);
        sleep(&*clock, TTL / 3).await;
        wire.becomes(Way::Open);
        sleep(&*clock, TTL).await;
        assert!(owner.is_held());
    }
    owner.release().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_ownership_is_left_to_expire() {
    let (clock, store) = memory();
    let start = clock.now();
    let lock = lock(store.clone());
    drop(lock.acquire().await.unwrap());
    settle(&clock).await;
    assert_eq!(keys(&store).await.len(), 1, "work may go on that nobody waits for");
    assert!(lock.try_acquire().await.unwrap().is_none());
    let _next = lock.acquire().await.unwrap();
    assert!(clock.now().since(start) >= TTL);
}

fn watched(store: impl Into<FencedStore>, barks: &Arc<AtomicUsize>) -> LeaseLock {
    let barks = Arc::clone(barks);
    let bark = move || {
        barks.fetch_add(1, Ordering::Relaxed);
    };
    LeaseLock::builder(store, NAME).ttl(TTL).watchdog(bark).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_barks_when_what_was_lost_is_not_given_back_and_before_another_is_granted() {
    let (clock, store) = memory();
    let wire = Wire::to(store.clone());
    let barks = Arc::default();
    let start = clock.now();
    let owner = watched(wire.fenced(), &barks).acquire().await.unwrap();
    sleep(&*clock, TTL * 10).await;
    assert_eq!(barks.load(Ordering::Relaxed), 0, "it was renewed");
    let renewed_at = owner.until();
    wire.becomes(Way::Silent);
    owner.lost().await;
    // Half a ttl's quarter of grace, and half of what is left.
    sleep(&*clock, TTL / 8).await;
    assert_eq!(barks.load(Ordering::Relaxed), 0, "the work has its grace time");
    clock.sleep_until(renewed_at + TTL / 4).await;
    assert_eq!(barks.load(Ordering::Relaxed), 1);
    assert!(clock.now() > start);
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_is_silent_once_the_ownership_is_given_back() {
    let (clock, store) = memory();
    let wire = Wire::to(store);
    let barks = Arc::default();
    let lock = watched(wire.fenced(), &barks);
    lock.acquire().await.unwrap().release().await.unwrap();
    let lost = lock.acquire().await.unwrap();
    wire.becomes(Way::Silent);
    lost.lost().await;
    drop(lost);
    sleep(&*clock, TTL * 10).await;
    assert_eq!(barks.load(Ordering::Relaxed), 0);
}

#[test]
fn a_stalled_runtime_cannot_silence_the_watchdog() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (bark, barks) = mpsc::channel();
    let clock = SystemClock::new();
    runtime.block_on(async {
        let lock = LeaseLock::builder(MemoryStore::new(), NAME)
            .ttl(Duration::from_millis(200))
            .watchdog(move || bark.send(clock.now()).unwrap_or_default());
        let owner = lock.build().unwrap().acquire().await.unwrap();
        let until = owner.until();
        // The one thread of this runtime waits here, and no task of it runs.
        let barked = barks.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(barked >= until);
        assert!(!owner.is_held());
    });
}
