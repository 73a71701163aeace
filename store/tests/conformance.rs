//! Every backend, every decorator and what a server is like, by one list.

#[cfg(feature = "etcd")]
#[path = "fixtures/etcd.rs"]
mod etcd;
mod fixtures;
#[cfg(feature = "redis")]
#[path = "fixtures/redis_clock.rs"]
mod redis_clock;
#[path = "fixtures/remote.rs"]
mod remote;

use std::{process::ExitCode, sync::Arc};

use entourage_engine::conformance::{Fixture, main as run, trials};
use entourage_store::{
    PrefixStore, RecordingStore, Store,
    conformance::{Subject, cases},
};

#[cfg(feature = "redis")]
use self::redis_clock::ByItsClock;
use self::{
    fixtures::{Memory, Sqlite},
    remote::Remote,
};

/// A pointer to a pointer to a store.
#[derive(Clone)]
struct ArcDyn;

impl Fixture for ArcDyn {
    type Guard = ();
    type Subject = Subject;
    const NAME: &'static str = "arc_dyn";

    async fn open(&self) -> ((), Subject) {
        ((), Memory::default().subject().map(|store| Arc::new(Box::new(store) as Box<dyn Store>)))
    }
}

/// A part of a store, with a neighbour on either side.
#[derive(Clone)]
struct Prefixed;

impl Fixture for Prefixed {
    type Guard = ();
    type Subject = Subject;
    const NAME: &'static str = "prefixed";

    fn exempt(&self, case: &str) -> Option<String> {
        let longest = case == "a_key_as_long_as_allowed_fits_and_one_byte_more_is_refused";
        longest.then(|| "the prefix counts towards the longest key".to_owned())
    }

    async fn open(&self) -> ((), Subject) {
        let whole = Memory::default().subject();
        for neighbour in ["part", "part/", "part0", "par", "a", "k"] {
            whole.write(neighbour, "another's").await;
        }
        ((), whole.map(|store| Arc::new(PrefixStore::new(store, "part/"))))
    }
}

/// A store that is recorded.
#[derive(Clone)]
struct Recording;

impl Fixture for Recording {
    type Guard = ();
    type Subject = Subject;
    const NAME: &'static str = "recording";

    async fn open(&self) -> ((), Subject) {
        ((), Memory::default().subject().map(|store| Arc::new(RecordingStore::new(store))))
    }
}

fn main() -> ExitCode {
    let mut all = vec![
        // First, because its cases wait while the others run.
        trials(Remote, cases()),
        trials(Memory::default(), cases()),
        trials(ArcDyn, cases()),
        trials(Prefixed, cases()),
        trials(Recording, cases()),
        trials(Sqlite::default(), cases()),
    ];
    #[cfg(feature = "etcd")]
    let server = etcd::Shared::default();
    #[cfg(feature = "etcd")]
    all.splice(0..0, [trials(server.clone(), cases()), trials(etcd::Alone, etcd::Alone::cases())]);
    #[cfg(feature = "redis")]
    let redis = fixtures::redis::Shared::with_history(fixtures::HISTORY);
    #[cfg(feature = "redis")]
    all.splice(
        0..0,
        [trials(ByItsClock(redis.clone()), ByItsClock::cases()), trials(redis.clone(), cases())],
    );
    let code = run(all.drain(..));
    #[cfg(feature = "redis")]
    redis.stop();
    #[cfg(feature = "etcd")]
    server.stop();
    code
}
