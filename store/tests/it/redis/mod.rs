//! A real server that is frozen, killed, emptied, full, demoted and replaced.

mod history;
mod listing;
mod loss;
mod servers;
mod sessions;

use std::{sync::Arc, time::Duration};

use entourage_core::{Clock, SystemClock, timeout};
use entourage_store::{
    Change, Error, RedisOptions, RedisStore, Store, StoreExt, Txn, Version, Watch, conformance::ManualClock,
};
use entourage_testkit::{Redis, Requirement, eventually_async};

/// Long enough for a busy machine; nothing waits so long unless it fails.
const DEADLINE: Duration = Duration::from_secs(30);
/// What a call is given in these tests.
const LIMIT: Duration = Duration::from_secs(1);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(4);
/// Flags of a server that has on the disk what it acknowledges.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

fn is_here() -> bool {
    Requirement::from(Redis::available()).is_met("redis")
}

fn options(redis: &Redis) -> RedisOptions {
    let options = RedisOptions::from_url(&format!("redis://{}/team-a", redis.endpoint()));
    options.expect("an endpoint and a prefix are a url").with_timeout(LIMIT).with_connect_timeout(LIMIT)
}

async fn connect(redis: &Redis) -> RedisStore {
    options(redis).connect().await.expect("a server that is ready answers")
}

/// A store whose sessions are over by a clock that the test moves.
async fn judged(options: RedisOptions) -> (RedisStore, Arc<ManualClock>) {
    let clock = ManualClock::new();
    let judge: Arc<dyn Clock> = clock.clone();
    (options.with_judge(judge).connect().await.expect("a server that is ready answers"), clock)
}

/// What `call` gives; fails if it takes longer than a call may.
async fn bounded<T>(what: &str, call: impl Future<Output = T>) -> T {
    let answer = timeout(&SystemClock::new(), LIMIT + SLACK, call).await;
    answer.unwrap_or_else(|elapsed| panic!("{what}: {elapsed}"))
}

/// What a watch answers next, however long it was deaf before.
async fn next(watch: &mut dyn Watch) -> Result<Change, Error> {
    let coming = async {
        loop {
            match watch.next().await {
                Err(Error::Unavailable(_)) => {}
                answer => return answer,
            }
        }
    };
    timeout(&SystemClock::new(), DEADLINE, coming).await.expect("the watch's next change comes")
}

/// What a call ends with once it is answered at all.
async fn settled<T>(what: &str, mut call: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    eventually_async(DEADLINE, what, async || match call().await {
        Err(Error::Unavailable(_) | Error::Unknown(_)) => None,
        answer => Some(answer),
    })
    .await
}

/// The version of a transaction, which applies.
async fn commit(store: &dyn Store, txn: Txn) -> Version {
    store.transact(txn).await.expect("the store answers").applied().expect("nothing is demanded")
}

/// Writes until the store says that it is done.
async fn write(store: &dyn Store, key: &str, value: &str) -> Version {
    let written = settled("a write is acknowledged", async || store.put(key, value.to_owned().into()).await);
    written.await.expect("the store goes on")
}
