//! A resource that keeps its fences in a store.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use entourage_core::{Fence, Realm, Scope};
use entourage_election::fence::{FenceCheck, Refused, StoredFences};
use entourage_store::StoreExt;

use super::{LOCK, REALM, fence, store};

#[tokio::test]
async fn a_restarted_sink_refuses_what_it_refused_before() {
    let store = store();
    let sink = || StoredFences::new(store.clone(), "sink/", REALM);
    let before = sink();
    before.check(&fence(1), None).await.unwrap();
    before.check(&fence(2), None).await.unwrap();
    assert!(matches!(before.check(&fence(1), None).await, Err(Refused::Stale { current: 2, .. })));

    let after = sink();
    assert!(matches!(after.check(&fence(1), None).await, Err(Refused::Stale { current: 2, .. })));
    after.seal(&fence(3), None).await.unwrap();
    assert!(before.check(&fence(2), None).await.is_err(), "both are one resource");
    let other = StoredFences::new(store.clone(), "other/", REALM);
    other.check(&fence(1), None).await.unwrap();

    let odd = Fence::new(REALM, Scope::new("a/b c"), 5);
    after.check(&odd, None).await.unwrap();
    assert!(sink().check(&Fence::new(REALM, Scope::new("a/b c"), 4), None).await.is_err());
    store.put(&format!("sink/seen/{REALM}/{LOCK}"), "seven".into()).await.unwrap();
    let unreadable = after.check(&fence(9), None).await;
    assert!(matches!(unreadable, Err(Refused::Unavailable(_))), "what cannot be read lets nothing in");
}

#[tokio::test]
async fn a_stored_sink_keeps_its_realm_and_forgets_none() {
    let store = store();
    let restored = |epoch| Fence::new(Realm::new(2), Scope::new(LOCK), epoch);
    let first = StoredFences::trusting_first(store.clone(), "sink/");
    first.check(&fence(7), None).await.unwrap();
    let second = StoredFences::new(store.clone(), "sink/", Realm::new(2));
    assert!(matches!(
        second.check(&restored(1), None).await,
        Err(Refused::ForeignRealm { expected: REALM, .. })
    ));
    second.adopt(Realm::new(2)).await.unwrap();
    first.check(&restored(1), None).await.unwrap();
    assert!(matches!(first.check(&fence(8), None).await, Err(Refused::ForeignRealm { .. })));
    first.adopt(REALM).await.unwrap();
    assert!(matches!(second.check(&fence(6), None).await, Err(Refused::Stale { current: 7, .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn epochs_that_many_handles_let_in_never_decrease() {
    let (store, floor) = (store(), Arc::new(AtomicU64::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8_u64 {
        let sink = StoredFences::new(store.clone(), "sink/", REALM);
        let floor = Arc::clone(&floor);
        tasks.spawn(async move {
            for step in 0..300 {
                let before = floor.load(Ordering::SeqCst);
                let epoch = (before + (step ^ task) % 4).saturating_sub(2);
                if sink.check(&fence(epoch), None).await.is_ok() {
                    assert!(epoch >= before, "{epoch} was let in after {before}");
                    floor.fetch_max(epoch, Ordering::SeqCst);
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(floor.load(Ordering::SeqCst) > 100);
}
