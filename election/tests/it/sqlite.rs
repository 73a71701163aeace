//! The same over a file, in real time.

use std::time::Duration;

use entourage_core::{Clock, SystemClock};
use entourage_election::LeaseLock;
use entourage_store::{SqliteStore, Store, Txn};
use entourage_testkit::Scratch;

use crate::{NAME, keys};

fn lock(store: &SqliteStore, ttl: Duration) -> LeaseLock {
    LeaseLock::builder(store.clone(), NAME).ttl(ttl).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn contenders_of_several_handles_never_own_together_and_lose_no_write() {
    let scratch = Scratch::new();
    let path = scratch.path().join("store");
    let mut contenders = Vec::new();
    for _ in 0..3 {
        let store = SqliteStore::open(&path).unwrap();
        contenders.push(tokio::spawn(async move {
            let lock = lock(&store, Duration::from_secs(15));
            for _ in 0..10 {
                let ownership = lock.acquire().await.unwrap();
                let count = store.get("count").await.unwrap().map_or(0, |entry| {
                    String::from_utf8(entry.value.to_vec()).unwrap().parse::<u32>().unwrap()
                });
                let write = ownership.guard(Txn::new().put("count", (count + 1).to_string()));
                assert!(store.transact(write).await.unwrap().applied().is_some());
                ownership.release().await.unwrap();
            }
        }));
    }
    for contender in contenders {
        contender.await.unwrap();
    }
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.get("count").await.unwrap().unwrap().value, "30");
    assert!(keys(&store).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_a_former_owners_write_is_refused_in_a_file_too() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.path().join("store")).unwrap();
    let former = lock(&store, Duration::from_millis(500)).acquire().await.unwrap();
    let held = former.held();
    drop(former);
    let next = lock(&store, Duration::from_secs(15)).acquire().await.unwrap();
    assert!(store.transact(held.guard(Txn::new().put("a", "1"))).await.unwrap().applied().is_none());
    assert!(store.transact(next.guard(Txn::new().put("a", "2"))).await.unwrap().applied().is_some());
    next.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_a_file_that_is_taken_away_ends_ownership_by_the_clock() {
    let scratch = Scratch::new();
    let path = scratch.path().join("store");
    let store = SqliteStore::open(&path).unwrap();
    let owner = lock(&store, Duration::from_millis(600)).acquire().await.unwrap();
    let start = SystemClock::new().now();
    for file in std::fs::read_dir(scratch.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    owner.lost().await;
    assert!(!owner.is_held());
    let waited = SystemClock::new().now().since(start);
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    let write = owner.guard(Txn::new().put("a", "1"));
    assert!(store.transact(write).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_epochs_increase_in_a_file_too() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.path().join("store")).unwrap();
    let mut last = None;
    for _ in 0..3 {
        let owner = lock(&store, Duration::from_secs(15)).acquire().await.unwrap();
        if let Some(last) = &last {
            assert_eq!(owner.fence().supersedes(last), Ok(true));
        }
        last = Some(owner.fence().clone());
        owner.release().await.unwrap();
    }
}
