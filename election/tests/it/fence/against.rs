//! A check against the lock's own store, and one with the effect.

use std::{sync::Arc, time::Duration};

use entourage_core::{Clock, Fence, PausedClock, Realm, Scope};
use entourage_election::fence::{
    AgainstStore, FenceCheck, Guarded, HighestSeen, OwnedTxn, Refused, StoredFences,
};
use entourage_store::{MemoryOptions, MemoryStore, Outcome, SqliteStore, Store, StoreExt, Txn};
use entourage_testkit::Scratch;

use super::{LOCK, REALM, claim, fence, store};

#[tokio::test]
async fn the_store_knows_the_owner_and_the_version() {
    let store = store();
    let check = AgainstStore::new(store.clone());
    assert!(matches!(check.check(&fence(1), None).await, Err(Refused::NotGranted { .. })));
    let first = claim(&store, "r1").await;
    check.check(&first, Some("r1")).await.unwrap();
    check.check(&first, None).await.unwrap();
    let not_owner = check.check(&first, Some("r2")).await.unwrap_err();
    assert!(matches!(&not_owner, Refused::NotOwner { owner, .. } if owner == "r1"), "{not_owner}");
    let ahead = Fence::new(REALM, Scope::new(LOCK), first.epoch() + 1);
    assert!(matches!(check.check(&ahead, None).await, Err(Refused::NotGranted { .. })));
    let foreign = Fence::new(Realm::new(2), Scope::new(LOCK), first.epoch());
    assert!(matches!(check.check(&foreign, None).await, Err(Refused::ForeignRealm { .. })));

    let second = claim(&store, "r2").await;
    assert!(check.check(&first, Some("r1")).await.unwrap_err().is_stale(), "with no need to seal");
    check.seal(&second, Some("r2")).await.unwrap();
}

#[tokio::test]
async fn a_store_that_fails_lets_nothing_in_that_is_not_cached() {
    let scratch = Scratch::new();
    let path = scratch.join("locks");
    let store = SqliteStore::open(&path).unwrap();
    let version = store.put(&format!("fence/{LOCK}"), "r1 printer/1".into()).await.unwrap();
    let first = Fence::new(store.realm(), Scope::new(LOCK), version.number());
    let asks = AgainstStore::new(store.clone());
    let remembers = AgainstStore::new(store.clone()).with_cache(Duration::from_secs(3600), 16);
    let keeps = StoredFences::new(store.clone(), "sink/", store.realm());
    for check in [&asks as &dyn FenceCheck, &remembers, &keeps] {
        check.check(&first, Some("r1")).await.unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    remembers.check(&first, Some("r1")).await.unwrap();
    assert!(matches!(remembers.seal(&first, Some("r1")).await, Err(Refused::Unavailable(_))));
    for check in [&asks as &dyn FenceCheck, &keeps] {
        let refused = check.check(&first, Some("r1")).await;
        assert!(matches!(refused, Err(Refused::Unavailable(_))), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cached_answer_is_used_for_its_age_and_not_longer() {
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    let options = MemoryOptions::new().with_realm(REALM).with_clock(Arc::clone(&clock));
    let store = MemoryStore::with_options(options);
    let age = Duration::from_millis(500);
    let check = AgainstStore::new(store.clone()).with_cache(age, 16);
    let first = claim(&store, "r1").await;
    assert!(check.known(&first, Some("r1")).is_none());
    check.check(&first, Some("r1")).await.unwrap();
    assert!(matches!(check.known(&first, Some("r1")), Some(Ok(()))));
    assert!(matches!(check.known(&first, Some("r2")), Some(Err(Refused::NotOwner { .. }))));

    let second = claim(&store, "r2").await;
    entourage_core::sleep(&*clock, age - Duration::from_millis(1)).await;
    check.check(&first, Some("r1")).await.expect("within its age a former owner is still let in");
    entourage_core::sleep(&*clock, Duration::from_millis(1)).await;
    assert!(check.known(&first, Some("r1")).is_none());
    assert!(check.check(&first, Some("r1")).await.unwrap_err().is_stale());
    assert!(check.known(&first, None).unwrap().unwrap_err().is_stale(), "stale stays stale, and is known");

    let third = claim(&store, "r3").await;
    check.check(&second, Some("r2")).await.unwrap();
    check.check(&third, Some("r3")).await.expect("a later grant is asked for whatever the age");
    assert!(check.check(&second, Some("r2")).await.unwrap_err().is_stale(), "once the successor was let in");
    let fourth = claim(&store, "r4").await;
    check.seal(&fourth, Some("r4")).await.unwrap();
    assert!(check.check(&third, Some("r3")).await.unwrap_err().is_stale(), "or has sealed");
}

#[tokio::test]
async fn a_write_of_the_owner_is_one_transaction_with_its_check() {
    let store = store();
    let first = claim(&store, "r1").await;
    let write = |fence: &Fence| Txn::new().when_owned(fence, store.realm()).unwrap().put("page", "1");
    let (by_first, realm) = (write(&first), store.realm());
    assert!(store.transact(by_first.clone()).await.unwrap().applied().is_some());
    let second = claim(&store, "r2").await;
    assert!(matches!(store.transact(by_first).await.unwrap(), Outcome::Refused { condition: 0, .. }));
    assert!(store.transact(write(&second)).await.unwrap().applied().is_some());
    let foreign = Fence::new(Realm::new(2), Scope::new(LOCK), second.epoch());
    assert!(matches!(Txn::new().when_owned(&foreign, realm), Err(Refused::ForeignRealm { .. })));
}

#[tokio::test]
async fn a_guarded_value_has_no_gap_between_check_and_effect() {
    let total = Arc::new(Guarded::new(HighestSeen::new(REALM), Vec::new()));
    let mut first = total.write(&fence(1)).await.unwrap();
    let waiting = {
        let total = Arc::clone(&total);
        tokio::spawn(async move { total.write(&fence(2)).await.unwrap().push(2) })
    };
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "no successor is let in while the former owner writes");
    first.push(1);
    drop(first);
    waiting.await.unwrap();
    assert!(total.write(&fence(1)).await.is_err());
    total.seal(&fence(3)).await.unwrap();
    assert!(total.write(&fence(2)).await.is_err());
    assert_eq!(*total.write(&fence(3)).await.unwrap(), [1, 2]);
}
