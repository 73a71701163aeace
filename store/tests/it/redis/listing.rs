//! Listings of many pages, while others write.

use std::sync::Arc;

use entourage_store::{Order, RedisStore, Store, StoreExt, Txn, What};
use entourage_testkit::Redis;

use super::{commit, connect, is_here, judged, options};

/// More than ten pages.
const KEYS: usize = 1_000;

fn key(number: usize) -> String {
    format!("p/{number:04}")
}

async fn fill(store: &RedisStore) {
    for first in (0..KEYS).step_by(100) {
        let txn = (first..first + 100).fold(Txn::new(), |txn, number| txn.put(key(number), "0"));
        commit(store, txn).await;
    }
}

/// The first page and the last one are written together, and a key moves from one to the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_of_many_pages_is_never_torn() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store = connect(&redis).await;
    fill(&store).await;
    store.delete(&key(KEYS - 2)).await.unwrap();
    let writer: Arc<dyn Store> = Arc::new(connect(&redis).await);
    let writing = tokio::spawn(async move {
        for round in 1..=400_u32 {
            let (from, to) = if round % 2 == 0 { (KEYS - 2, 1) } else { (1, KEYS - 2) };
            let txn = Txn::new().put(key(0), round.to_string()).put(key(KEYS - 1), round.to_string());
            commit(&writer, txn.delete(key(from)).put(key(to), "moved")).await;
        }
    });
    let mut listings = 0;
    while !writing.is_finished() || listings < 6 {
        let order = [Order::Key, Order::Created, Order::CreatedDescending][listings % 3];
        let listing = store.list(&What::prefix("p/").ordered(order)).await.unwrap();
        listings += 1;
        assert_eq!((listing.entries.len(), listing.more), (KEYS - 1, false), "a key is there once");
        let version = |number| {
            let entry = listing.entries.iter().find(|entry| entry.key == key(number));
            entry.expect("it is never deleted").version
        };
        assert_eq!(version(0), version(KEYS - 1), "both are of one commit");
        assert!(listing.entries.iter().all(|entry| entry.version <= listing.as_of));
        let sorted = match order {
            Order::Key => listing.entries.is_sorted_by(|a, b| a.key < b.key),
            Order::Created => listing.entries.is_sorted_by_key(|entry| (entry.created, entry.key.clone())),
            _ => listing.entries.iter().rev().is_sorted_by_key(|entry| (entry.created, entry.key.clone())),
        };
        assert!(sorted, "{order:?}");
    }
    writing.await.unwrap();
    let listing = store.list(&What::prefix("p/").limit(250)).await.unwrap();
    assert_eq!((listing.entries.len(), listing.more), (250, true));
    assert!(listing.entries.is_sorted_by(|a, b| a.key < b.key));
}

/// A history that is shorter than what others write during a page makes it begin anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_whose_past_is_dropped_begins_anew_or_says_so() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let brief = options(&redis).with_history(1);
    let store = brief.clone().connect().await.unwrap();
    fill(&store).await;
    let writer = brief.connect().await.unwrap();
    let writing = tokio::spawn(async move {
        for round in 0..500_u32 {
            let value = round.to_string();
            commit(&writer, Txn::new().put(key(0), value.clone()).put(key(KEYS - 1), value)).await;
        }
    });
    while !writing.is_finished() {
        match store.list(&What::prefix("p/")).await {
            Ok(listing) => {
                assert_eq!(listing.entries.len(), KEYS);
                assert_eq!(listing.entries[0].version, listing.entries[KEYS - 1].version);
            }
            Err(error) => assert!(matches!(error, entourage_store::Error::Unavailable(_)), "{error:?}"),
        }
    }
    writing.await.unwrap();
    assert_eq!(store.list(&What::prefix("p/")).await.unwrap().entries.len(), KEYS);
}

/// Values of a mebibyte fill a page long before a hundred keys do.
#[tokio::test]
async fn a_page_is_bounded_in_bytes_too() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let (store, _clock) = judged(options(&redis)).await;
    for number in 0..12 {
        store.put(&key(number), vec![7; 1024 * 1024].into()).await.unwrap();
    }
    let listing = store.list(&What::prefix("p/")).await.unwrap();
    assert_eq!(listing.entries.len(), 12);
    assert!(listing.entries.iter().all(|entry| entry.value.len() == 1024 * 1024));
}
