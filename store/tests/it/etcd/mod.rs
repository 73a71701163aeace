//! A real cluster that is frozen, killed, compacted, restored, and used by others.

mod operator;
mod servers;
mod tenants;

use std::time::Duration;

use entourage_core::{SystemClock, timeout};
use entourage_store::{Change, Error, EtcdOptions, EtcdStore, StoreExt, Version, Watch};
use entourage_testkit::{Etcd, Requirement, eventually_async};

/// Long enough for a busy machine; nothing waits so long unless it fails.
const DEADLINE: Duration = Duration::from_secs(30);
/// What a call is given in these tests.
const LIMIT: Duration = Duration::from_secs(1);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(4);

fn is_here() -> bool {
    Requirement::from(Etcd::available()).is_met("etcd")
}

fn options(etcd: &Etcd) -> EtcdOptions {
    options_of(etcd.endpoints())
}

fn options_of(servers: impl IntoIterator<Item = String>) -> EtcdOptions {
    EtcdOptions::new(servers)
        .with_prefix("team-a/")
        .with_timeout(LIMIT)
        .with_connect_timeout(LIMIT)
        .with_keep_alive(Duration::from_secs(5))
}

async fn connect(etcd: &Etcd) -> EtcdStore {
    options(etcd).connect().await.expect("a server that is ready answers")
}

/// What `call` gives; fails if it takes longer than a call may.
async fn bounded<T>(what: &str, call: impl Future<Output = T>) -> T {
    let answer = timeout(&SystemClock::new(), LIMIT + SLACK, call).await;
    answer.unwrap_or_else(|elapsed| panic!("{what}: {elapsed}"))
}

/// The next change, however long the watch was deaf before.
async fn next(watch: &mut dyn Watch) -> Change {
    let clock = SystemClock::new();
    let coming = async {
        loop {
            match watch.next().await {
                Err(Error::Unavailable(_)) => {}
                change => return change.expect("the watch goes on"),
            }
        }
    };
    timeout(&clock, DEADLINE, coming).await.expect("the watch's next change comes")
}

/// Writes until the store says that it is done.
async fn write(store: &EtcdStore, key: &str, value: &str) -> Version {
    eventually_async(DEADLINE, "a write is acknowledged", async || {
        store.put(key, value.to_owned().into()).await.ok()
    })
    .await
}
