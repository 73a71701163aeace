//! E5 and E7: who comes first, and what it costs the others.

use std::sync::Arc;

use entourage_core::{Clock, sleep};
use entourage_election::{AdvisoryLock, Ownership};
use entourage_store::{MemoryOptions, RecordingStore, Store, StoreExt, Txn};
use tokio::task::JoinHandle;

use crate::{
    NAME, TTL,
    fences::asked,
    keys, lock, memory, settle,
    wire::{Way, Wire},
};

const WAITERS: usize = 6;

fn acquiring(store: impl Into<entourage_store::FencedStore>) -> JoinHandle<Ownership> {
    let lock = lock(store);
    tokio::spawn(async move { lock.acquire().await.unwrap() })
}

#[tokio::test(start_paused = true)]
async fn e7_one_release_lets_at_most_one_waiter_send_anything() {
    let (clock, store) = memory();
    let mut owner = lock(store.clone()).acquire().await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..WAITERS {
        let record = RecordingStore::new(store.clone());
        waiting.push((record.clone(), acquiring(record)));
        settle(&clock).await;
    }
    while !waiting.is_empty() {
        let before: Vec<_> = waiting.iter().map(|(record, _)| asked(record)).collect();
        owner.release().await.unwrap();
        settle(&clock).await;
        let after: Vec<_> = waiting.iter().map(|(record, _)| asked(record)).collect();
        // In the order in which they came, the first by one transaction.
        assert_eq!(after[0] - before[0], 1);
        assert_eq!(after[1..], before[1..]);
        owner = waiting.remove(0).1.await.unwrap();
    }
    assert!(owner.is_held());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_sends_nothing_while_others_come_and_go() {
    let (clock, store) = memory();
    let owner = lock(store.clone()).acquire().await.unwrap();
    let record = RecordingStore::new(store.clone());
    let waiting = acquiring(record.clone());
    settle(&clock).await;
    let before = asked(&record);
    for _ in 0..5 {
        let other = acquiring(store.clone());
        settle(&clock).await;
        other.abort();
        sleep(&*clock, TTL).await;
    }
    assert_eq!(asked(&record), before);
    owner.release().await.unwrap();
    assert!(waiting.await.unwrap().is_held());
}

#[tokio::test(start_paused = true)]
async fn e5_who_was_deleted_while_it_claimed_does_not_lead() {
    let (clock, store) = memory();
    let owner = lock(store.clone()).acquire().await.unwrap();
    let wire = Wire::to(store.clone());
    let waiting = acquiring(wire.fenced());
    settle(&clock).await;
    let first_key = keys(&store).await.into_iter().find(|key| key != owner.key().unwrap().0).unwrap();
    // Between the news that it is first and its claim, an operator deletes its key.
    wire.before_writing(&format!("fence/{NAME}"), Txn::new().delete(first_key));
    owner.release().await.unwrap();
    let next = waiting.await.unwrap();
    let (key, created) = next.key().unwrap();
    let entry = store.get(key).await.unwrap().expect("who leads has a key");
    assert_eq!(entry.created, created);
    assert!(next.is_held());
}

#[tokio::test(start_paused = true)]
async fn e5_who_lost_its_session_while_it_waited_does_not_lead_under_it() {
    let (clock, store) = memory();
    let owner = lock(store.clone()).acquire().await.unwrap();
    let wire = Wire::to(store.clone());
    let waiting = acquiring(wire.fenced());
    settle(&clock).await;
    // Its watch stands still; its session ends, and so does the owner's turn.
    wire.becomes(Way::Silent);
    sleep(&*clock, TTL * 2).await;
    owner.release().await.unwrap();
    let other = lock(store.clone()).acquire().await.unwrap();
    wire.becomes(Way::Open);
    sleep(&*clock, TTL * 2).await;
    assert!(!waiting.is_finished(), "another leads");
    assert!(other.is_held());
    other.release().await.unwrap();
    let next = waiting.await.unwrap();
    assert_eq!(keys(&store).await, [next.key().unwrap().0]);
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
async fn trying_answers_at_once_and_leaves_nothing_behind() {
    let (clock, store) = memory();
    let (a, b) = (lock(store.clone()), lock(store.clone()));
    let owner = a.try_acquire().await.unwrap().unwrap();
    assert!(b.try_acquire().await.unwrap().is_none());
    assert!(a.try_acquire().await.unwrap().is_none(), "a clone of the owner's is no owner");
    settle(&clock).await;
    assert_eq!(keys(&store).await.len(), 1);
    owner.release().await.unwrap();
    let owner = b.try_acquire().await.unwrap().expect("it is free, whatever the watch has told yet");
    owner.release().await.unwrap();
    assert!(a.try_acquire().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn clones_take_turns_in_the_order_in_which_they_asked() {
    let (clock, store) = memory();
    let lock = lock(store.clone());
    let mut owner = lock.acquire().await.unwrap();
    let mut waiting = std::collections::VecDeque::new();
    for _ in 0..3 {
        let lock = lock.clone();
        waiting.push_back(tokio::spawn(async move { lock.acquire().await.unwrap() }));
        settle(&clock).await;
    }
    assert_eq!(keys(&store).await.len(), 1, "one session has one key");
    while let Some(next) = waiting.pop_front() {
        let fence = owner.fence().clone();
        owner.release().await.unwrap();
        owner = next.await.unwrap();
        assert_eq!(owner.fence().supersedes(&fence), Ok(true));
        settle(&clock).await;
        assert!(waiting.iter().all(|later| !later.is_finished()));
    }
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
    let first = waiting.await.unwrap();
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
