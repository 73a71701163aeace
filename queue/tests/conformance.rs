//! Every backend, by one list.

mod fixtures;
#[cfg(feature = "redis")]
#[path = "fixtures/redis.rs"]
mod redis;

use std::{process::ExitCode, sync::Arc};

use entourage_engine::conformance::{Fixture, main as run, trials};
use entourage_queue::{
    Queue,
    conformance::{Subject, cases},
};

use self::fixtures::{Memory, Sqlite};

/// A pointer to a pointer to a queue.
#[derive(Clone)]
struct ArcDyn;

impl Fixture for ArcDyn {
    type Guard = ();
    type Subject = Subject;
    const NAME: &'static str = "arc_dyn";

    async fn open(&self) -> ((), Subject) {
        ((), Memory::subject().map(|queue| Arc::new(Box::new(queue) as Box<dyn Queue>)))
    }
}

fn main() -> ExitCode {
    let mut all = vec![trials(Memory, cases()), trials(ArcDyn, cases()), trials(Sqlite, cases())];
    #[cfg(feature = "redis")]
    let redis = redis::Shared::default();
    #[cfg(feature = "redis")]
    // First, because its cases wait while the others run.
    all.insert(0, trials(redis.clone(), cases()));
    let code = run(all.drain(..));
    #[cfg(feature = "redis")]
    redis.stop();
    code
}
