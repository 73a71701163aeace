//! The stores that the promises are tested on.

use std::{sync::Arc, time::Duration};

use entourage_core::{Clock, PausedClock};
use entourage_engine::conformance::Fixture;
use entourage_store::{MemoryOptions, MemoryStore, SqliteStore, Store};
use entourage_testkit::Scratch;

use crate::subject::Subject;

/// `MemoryStore`, in virtual time.
#[derive(Clone, Debug)]
pub(crate) struct Memory;

impl Fixture for Memory {
    type Guard = ();
    type Subject = Subject;
    const NAME: &'static str = "memory";

    fn paused(&self) -> bool {
        true
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(20)
    }

    async fn open(&self) -> ((), Subject) {
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
        let store = MemoryStore::with_options(MemoryOptions::new().with_clock(clock));
        let open = move || -> Arc<dyn Store> { Arc::new(store.clone()) };
        let open = Arc::new(move || Box::pin(std::future::ready(open())) as _);
        ((), Subject::new(open, Duration::from_secs(12)).await)
    }
}

/// `SqliteStore`, opened once for each process, in real time.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite;

impl Fixture for Sqlite {
    type Guard = Scratch;
    type Subject = Subject;
    const NAME: &'static str = "sqlite";

    async fn open(&self) -> (Scratch, Subject) {
        let scratch = Scratch::new();
        let path = scratch.join("state");
        let open = move || -> Arc<dyn Store> {
            Arc::new(SqliteStore::open(&path).expect("a file in a fresh directory can be opened"))
        };
        let open = Arc::new(move || Box::pin(std::future::ready(open())) as _);
        (scratch, Subject::new(open, Duration::from_secs(1)).await)
    }
}
