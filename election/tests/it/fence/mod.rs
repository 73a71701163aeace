//! Fences are checked where the effect happens.

mod against;
mod eight_steps;
mod http;
mod printer;
mod seen;
mod stored;

use entourage_core::{Fence, Realm, Scope};
use entourage_election::fence::Stamp;
use entourage_store::{MemoryOptions, MemoryStore, Store, StoreExt};

const REALM: Realm = Realm::new(0x7ea1);
const LOCK: &str = "printer";

fn fence(epoch: u64) -> Fence {
    Fence::new(REALM, Scope::new(LOCK), epoch)
}

fn stamp(epoch: u64, owner: &str) -> Stamp {
    Stamp::new(fence(epoch), owner).unwrap()
}

fn store() -> MemoryStore {
    MemoryStore::with_options(MemoryOptions::new().with_realm(REALM))
}

/// What a claim of the lock does in its store.
async fn claim(store: &MemoryStore, owner: &str) -> Fence {
    let value = format!("{owner} {LOCK}/5a3");
    let version = store.put(&format!("fence/{LOCK}"), value.into()).await.unwrap();
    Fence::new(store.realm(), Scope::new(LOCK), version.number())
}
