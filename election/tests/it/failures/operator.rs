//! What an operator takes away from under an owner, or a waiter.

use entourage_core::timeout;
use entourage_store::{Store, StoreExt};

use crate::{NAME, TTL, keys, lock, memory, settle};

#[tokio::test(start_paused = true)]
async fn a_session_that_an_operator_ends_is_lost_at_once() {
    let (clock, store) = memory();
    let owner = lock(store.clone()).acquire().await.unwrap();
    let waiting = super::acquiring(lock(store.clone()));
    settle(&clock).await;
    store.resume(owner.session().unwrap()).await.unwrap().end().await.unwrap();
    // Long before a renewal is due, which would tell it too.
    timeout(&*clock, TTL / 12, owner.lost()).await.expect("the watch tells it");
    let next = timeout(&*clock, TTL / 12, waiting).await.expect("nobody waits for a lease to expire");
    let next = next.unwrap().unwrap();
    assert_eq!(next.fence().supersedes(owner.fence()), Ok(true));
    assert!(!super::writes(&store, &owner.held()).await);
    assert!(super::writes(&store, &next.held()).await);
}

#[tokio::test(start_paused = true)]
async fn a_fence_that_an_operator_deletes_shuts_its_owner_out_until_it_acquires_again() {
    let (clock, store) = memory();
    let lock = lock(store.clone());
    let owner = lock.acquire().await.unwrap();
    store.delete(&format!("fence/{NAME}")).await.unwrap();
    settle(&clock).await;
    assert!(!super::writes(&store, &owner.held()).await);
    let former = owner.fence().clone();
    owner.release().await.unwrap();
    let owner = lock.acquire().await.unwrap();
    assert_eq!(owner.fence().supersedes(&former), Ok(true));
    assert!(super::writes(&store, &owner.held()).await);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_key_an_operator_deletes_lines_up_again_as_the_last() {
    let (clock, store) = memory();
    let owner = lock(store.clone()).acquire().await.unwrap();
    let first = super::acquiring(lock(store.clone()));
    settle(&clock).await;
    let second = super::acquiring(lock(store.clone()));
    settle(&clock).await;
    let before = super::contend(&store, 3).await;
    store.delete(&before[1]).await.unwrap();
    settle(&clock).await;
    assert_eq!(keys(&store).await.len(), 3, "it lines up again at once");
    let after = super::contend(&store, 3).await;
    assert_eq!((&after[1], &after[2]), (&before[2], &before[1]));
    owner.release().await.unwrap();
    let next = second.await.unwrap().unwrap();
    assert!(!first.is_finished());
    next.release().await.unwrap();
    assert!(first.await.unwrap().unwrap().is_held());
}
