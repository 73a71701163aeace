//! What breaks, what the owner sees of it, what the others see, and after how long: the rows of
//! the crate page's table.

mod answers;
#[cfg(feature = "etcd")]
mod etcd;
mod mute;
mod operator;
mod process;
#[cfg(feature = "etcd")]
mod snapshot;
mod sqlite;

use std::{future::Future, time::Duration};

use entourage_core::{Clock, SystemClock, sleep, timeout};
use entourage_election::{Held, LeaseLock, Ownership, Result};
use entourage_store::{Error as StoreError, FencedStore, Store, Txn, What};
use entourage_testkit::eventually_async;
use tokio::task::JoinHandle;

use crate::NAME;

/// In real time: held for 1.5 seconds, renewed after 0.7; another is granted after 2.
const SHORT: Duration = Duration::from_secs(2);
/// Nothing waits so long unless it fails.
const DEADLINE: Duration = Duration::from_secs(30);
/// Of leases whose end is not waited for: what comes before it came of something else.
const LONG: Duration = Duration::from_secs(120);

fn lock(store: impl Into<FencedStore>, ttl: Duration) -> LeaseLock {
    LeaseLock::builder(store, NAME).ttl(ttl).build().unwrap()
}

fn acquiring(lock: LeaseLock) -> JoinHandle<Result<Ownership>> {
    tokio::spawn(async move { lock.acquire().await })
}

/// What comes in time.
async fn in_time<T>(what: &str, coming: impl Future<Output = T>) -> T {
    let come = timeout(&SystemClock::new(), DEADLINE, coming).await;
    come.unwrap_or_else(|elapsed| panic!("{what}: {elapsed}"))
}

/// Waits until so many contend; their keys in the order of creation.
async fn contend(store: &dyn Store, number: usize) -> Vec<String> {
    let what = format!("{number} contend");
    eventually_async(DEADLINE, &what, async || {
        let mut entries = store.list(&What::prefix(format!("{NAME}/"))).await.ok()?.entries;
        entries.sort_by_key(|entry| entry.created);
        (entries.len() == number).then(|| entries.into_iter().map(|entry| entry.key).collect())
    })
    .await
}

/// Whether a guarded write applies, once the store says so.
async fn writes(store: &dyn Store, held: &Held) -> bool {
    let answer = async || match store.transact(held.guard(Txn::new().put("document", "1"))).await {
        Err(StoreError::Unavailable(_) | StoreError::Unknown(_) | StoreError::Full(_)) => None,
        answer => Some(answer.unwrap().applied().is_some()),
    };
    eventually_async(DEADLINE, "the store answers a guarded write", answer).await
}

/// Nobody is granted while time passes in which somebody would be: a lease that was held until
/// now would be over, and swept away.
async fn nobody_is_granted<T>(waiting: &[&JoinHandle<T>]) {
    sleep(&SystemClock::new(), SHORT).await;
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
}

/// Awaits the end of a belief, which nothing but the clock tells.
async fn lost_by_the_clock(ownership: &Ownership) {
    let until = ownership.until();
    in_time("the ownership is lost", ownership.lost()).await;
    assert!(!ownership.is_held());
    assert!(SystemClock::new().now() >= until, "something else told it");
}

/// Both are granted, one after the other and after the former, which writes nothing any more.
async fn both_are_granted_after(
    store: &dyn Store,
    former: &Held,
    mut a: JoinHandle<Result<Ownership>>,
    mut b: JoinHandle<Result<Ownership>>,
) {
    let (first, then) = in_time("one is granted", async {
        tokio::select! {
            biased;
            first = &mut a => (first.unwrap().unwrap(), b),
            first = &mut b => (first.unwrap().unwrap(), a),
        }
    })
    .await;
    assert_eq!(first.fence().supersedes(former.fence()), Ok(true));
    assert!(!writes(store, former).await);
    assert!(writes(store, &first.held()).await || !first.is_held());
    let fence = first.fence().clone();
    // A busy machine may have lost it again by now.
    let _ = first.release().await;
    let second = in_time("the other is granted", then).await.unwrap().unwrap();
    assert_eq!(second.fence().supersedes(&fence), Ok(true));
    let _ = second.release().await;
}
