//! Answers that come late, or not at all, and what is refused before anything is asked.

use std::time::Duration;

use entourage_core::sleep;
use entourage_election::{Election, Error, LeaseLock, Timings};
use entourage_store::{MemoryStore, Store, Txn};

use crate::{
    NAME, TTL, keys, lock, memory, settle,
    wire::{Way, Wire},
};

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_does_not_come_is_sent_again_in_time() {
    let (clock, store) = memory();
    let wire = Wire::to(store.clone());
    let owner = lock(wire.fenced()).acquire().await.unwrap();
    for _ in 0..5 {
        // Nothing answers for a third of the time to live, from when a renewal is due.
        let due = owner.until().since(clock.now()) - (TTL / 4 * 3 - TTL / 3);
        sleep(&*clock, due).await;
        wire.becomes(Way::Silent);
        sleep(&*clock, TTL / 3).await;
        assert!(owner.is_held());
        let until = owner.until();
        wire.becomes(Way::Open);
        settle(&clock).await;
        assert!(owner.until() > until, "it was renewed in time");
    }
    owner.release().await.unwrap();
}

/// A runtime that ends takes its tasks along, also those that have never run.
#[test]
fn a_lock_whose_runtime_has_ended_is_acquired_on_another() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (store, last) = (MemoryStore::new(), runtime());
    let other = last.block_on(store.session(TTL * 100)).unwrap();
    let key = format!("{NAME}/other");
    last.block_on(store.transact(Txn::new().put_with(&key, "", other.id()))).unwrap().applied().unwrap();
    let lock = lock(store.clone());
    // Nothing here waits, so that nothing but this runs.
    assert!(runtime().block_on(lock.try_acquire()).unwrap().is_none());
    last.block_on(other.end()).unwrap();
    last.block_on(async {
        let acquired = super::in_time("the lock is acquired", lock.acquire()).await;
        acquired.unwrap().release().await.unwrap();
        assert!(keys(&store).await.is_empty());
    });
}

#[test]
fn impossible_timings_are_refused_at_build_with_the_numbers() {
    let seconds = Duration::from_secs;
    let printed = |error: Error| {
        let why = std::error::Error::source(&error).expect("the error says why").to_string();
        format!("{error}: {why}")
    };
    for (ttl, numbers) in [(Duration::ZERO, ["0ns", "100ms"]), (Duration::from_millis(99), ["99ms", "100ms"])]
    {
        let lock = LeaseLock::builder(MemoryStore::new(), NAME).ttl(ttl).build().unwrap_err();
        let election = Election::builder(MemoryStore::new(), NAME).ttl(ttl).build().unwrap_err();
        for error in [lock, election] {
            assert!(matches!(error, Error::Timings(_)));
            let said = printed(error);
            assert!(numbers.iter().all(|number| said.contains(number)), "{said}");
        }
    }
    let late = Timings::builder().ttl(seconds(12)).renew_after(seconds(7)).build().unwrap_err();
    let said = printed(late.into());
    assert!(said.contains("7s") && said.contains("12s"), "{said}");
}
