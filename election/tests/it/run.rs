//! E4: guarded work has ended before its ownership is released.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use entourage_core::{Moment, sleep};
use entourage_election::Ran;
use entourage_store::{Call, Operation, RecordingStore, Store};

use crate::{
    TTL, keys, lock, memory,
    wire::{Way, Wire},
};

/// When the first deletion was sent.
fn released<S: Store>(store: &RecordingStore<S>) -> Option<Moment> {
    let deletes = |call: &Call| match call {
        Call::Transact(txn) => txn.operations.iter().any(|write| matches!(write, Operation::Delete { .. })),
        _ => false,
    };
    store.calls().iter().find(|recorded| deletes(&recorded.call)).map(|recorded| recorded.sent)
}

/// Whether what it is part of has ended.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn e4_work_that_ends_is_released_after_its_end() {
    let (clock, store) = memory();
    let record = RecordingStore::new(store.clone());
    let ownership = lock(record.clone()).acquire().await.unwrap();
    let ended = ownership
        .run(async |held| {
            sleep(&*clock, TTL * 3).await;
            assert!(held.is_held());
            clock.now()
        })
        .await;
    let Ran::Finished(at) = ended else { panic!("{ended:?}") };
    assert!(released(&record).unwrap() >= at);
    assert!(keys(&store).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn e4_work_that_is_lost_is_cancelled_and_finished_before_release_is_sent() {
    let (clock, store) = memory();
    let record = RecordingStore::new(store.clone());
    // Renewals are lost, and nothing else: a release could be sent at any moment.
    let ownership = lock(record.clone()).acquire().await.unwrap();
    let session = store.resume(ownership.session().unwrap()).await.unwrap();
    let ended = ownership
        .run(async |held| {
            held.lost().await;
            // Tidies up, within the grace time.
            sleep(&*clock, TTL / 16).await;
            clock.now()
        })
        .await;
    let Ran::Late(at) = ended else { panic!("{ended:?}") };
    assert!(released(&record).is_some_and(|sent| sent >= at), "{:?}, ended at {at:?}", released(&record));
    drop(session);
}

#[tokio::test(start_paused = true)]
async fn e4_work_that_does_not_end_in_time_is_dropped_and_its_lease_left_to_expire() {
    let (clock, store) = memory();
    let record = RecordingStore::new(store.clone());
    let wire = Wire::to(record.clone());
    let ownership = lock(wire.fenced()).acquire().await.unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    wire.becomes(Way::Refused);
    let start = clock.now();
    let ran = ownership
        .run(|_held| {
            let ends = Ends(Arc::clone(&ended));
            async move {
                let _ends = ends;
                pending::<()>().await;
            }
        })
        .await;
    assert_eq!(ran, Ran::Cut);
    assert!(ended.load(Ordering::Relaxed));
    assert_eq!(clock.now().since(start), TTL / 4 * 3 + TTL / 8);
    wire.becomes(Way::Open);
    sleep(&*clock, TTL * 2).await;
    assert_eq!(released(&record), None);
    assert!(keys(&store).await.is_empty(), "it expired");
}

#[tokio::test(start_paused = true)]
async fn e4_dropping_the_run_drops_the_work_and_releases_nothing() {
    let (clock, store) = memory();
    let record = RecordingStore::new(store.clone());
    let ownership = lock(record.clone()).acquire().await.unwrap();
    let held = ownership.held();
    {
        let running = ownership.run(|_held| pending::<()>());
        assert!(entourage_core::timeout(&*clock, TTL, running).await.is_err());
    }
    assert!(!held.is_held());
    sleep(&*clock, TTL * 2).await;
    assert_eq!(released(&record), None);
}
