//! Locks and elections through their public API, where one store tells or virtual time is needed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod belief;
mod counts;
mod election;
mod failures;
mod fence;
mod queue;
#[expect(dead_code, reason = "the rest of it is used by the cases of the conformance list")]
mod wire;

use std::{sync::Arc, time::Duration};

use entourage_core::{Clock, PausedClock, sleep};
use entourage_election::{Election, LeaseLock};
use entourage_store::{FencedStore, MemoryOptions, MemoryStore, What};

/// Held for 9 seconds, renewed at 4; another is granted at 12.
const TTL: Duration = Duration::from_secs(12);
const NAME: &str = "printer";

/// A store on the paused clock.
fn memory() -> (Arc<dyn Clock>, MemoryStore) {
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    let store = MemoryStore::with_options(MemoryOptions::new().with_clock(Arc::clone(&clock)));
    (clock, store)
}

fn lock(store: impl Into<FencedStore>) -> LeaseLock {
    LeaseLock::builder(store, NAME).ttl(TTL).build().unwrap()
}

fn candidate(store: impl Into<FencedStore>) -> Election {
    Election::builder(store, NAME).ttl(TTL).build().unwrap()
}

/// Lets everything happen that is due.
async fn settle(clock: &Arc<dyn Clock>) {
    sleep(&**clock, Duration::from_millis(5)).await;
}

/// The contenders' keys.
async fn keys(store: &dyn entourage_store::Store) -> Vec<String> {
    let listing = store.list(&What::prefix(format!("{NAME}/"))).await.unwrap();
    listing.entries.into_iter().map(|entry| entry.key).collect()
}
