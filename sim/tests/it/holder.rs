//! One process over a store, and the session that it holds.

use std::{sync::Arc, time::Duration};

use entourage_sim::{Context, Faults, Run, Sim, check_grants};
use entourage_store::{Session, Store, Txn};

use crate::memory_store;

/// One process over a store, under these faults; it is given the store as it reaches it, and
/// the store itself.
pub(crate) fn run<Fut>(
    seed: u64,
    faults: Faults,
    program: impl Fn(Context, Arc<dyn Store>, Arc<dyn Store>) -> Fut + 'static,
) -> Run
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut sim = Sim::new(seed, faults);
    let raw = memory_store(&sim);
    sim.process("p", move |ctx| program(ctx.clone(), ctx.store(&raw), Arc::clone(&raw)));
    let run = sim.run().unwrap();
    check_grants(&run.grants.events()).unwrap();
    run
}

/// A session that holds the key "own" for as long as it stands at the store.
pub(crate) async fn holding(store: &dyn Store, ttl: Duration) -> Session {
    let session = store.session(ttl).await.unwrap();
    let own = Txn::new().put_with("own", "", session.id());
    store.transact(own).await.unwrap().applied().unwrap();
    session
}

/// Whether that session stands at the store.
pub(crate) async fn stands(raw: &dyn Store) -> bool {
    raw.get("own").await.unwrap().is_some()
}
