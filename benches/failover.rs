//! What a failover of Redis loses, though it was acknowledged, and who is told: a drill.
//!
//! `cargo bench --features full,redis --bench failover`
//!
//! A server and its replica, on this machine. Two hundred writes reach both; then the link between
//! them carries nothing more, four hundred writes follow, the server dies and the replica takes its
//! place. Once as the server comes, once with `min-replicas-to-write 1`, by which it refuses writes
//! when its replica has been silent for `min-replicas-max-lag` (ten seconds by default): what it
//! acknowledges before that is lost all the same. Then a lock: by hand, with `SET … NX PX`, and
//! an [`AdvisoryLock`], each taken by one owner before the failover and by another after it.

use std::{env, sync::Arc, time::Duration};

use entourage::{
    core::{Clock, SystemClock, sleep},
    election::AdvisoryLock,
    store::{Error, RedisStore, Store, StoreExt, What},
};
use entourage_testkit::Redis;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Together over the ten seconds for which a server believes in a silent replica.
const PACE: Duration = Duration::from_millis(30);

struct Drill {
    before: usize,
    after: usize,
    pace: Duration,
}

fn main() -> Outcome {
    if let Err(absent) = Redis::available() {
        println!("ignored: {absent}");
        return Ok(());
    }
    // `cargo test` builds benches too and runs them with `--test`: then a taste is enough.
    let drill = if env::args().any(|a| a == "--bench") {
        Drill { before: 200, after: 400, pace: PACE }
    } else {
        Drill { before: 5, after: 10, pace: Duration::ZERO }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for flags in [&[][..], &["--min-replicas-to-write", "1"]] {
        runtime.block_on(drill.writes(flags))?;
    }
    by_hand();
    runtime.block_on(advisory())
}

async fn open(redis: &Redis) -> Outcome<RedisStore> {
    Ok(RedisStore::connect(&format!("redis://{}", redis.endpoint())).await?)
}

impl Drill {
    async fn writes(&self, flags: &[&str]) -> Outcome {
        let mut redis = Redis::with_replica(flags);
        let store = open(&redis).await?;
        let clock = SystemClock::new();
        let mut acknowledged = Vec::new();
        for nth in 0..self.before + self.after {
            if nth == self.before {
                redis.wait_replicated();
                redis.stall_link();
            }
            let key = format!("{nth}");
            if store.put(&key, "written".into()).await.is_ok() {
                acknowledged.push(key);
            }
            if nth >= self.before {
                sleep(&clock, self.pace).await;
            }
        }
        redis.failover();
        // An operator's next step: the new master has no replica yet.
        redis.cli(["CONFIG", "SET", "min-replicas-to-write", "0"]);
        let told = loop {
            match store.get("0").await {
                Err(Error::Unavailable(_)) => sleep(&clock, Duration::from_millis(50)).await,
                told => break told,
            }
        };
        let left = open(&redis).await?.list(&What::prefix("")).await?.entries;
        let lost = acknowledged.iter().filter(|key| !left.iter().any(|entry| entry.key == **key)).count();
        println!(
            "{:<28} {lost} of {} acknowledged writes are lost; the writer is told: {}",
            if flags.is_empty() { "defaults".to_owned() } else { flags.join(" ") },
            acknowledged.len(),
            told.err()
                .map_or_else(|| "nothing".to_owned(), |error| format!("{:#}", anyhow::Error::from(error))),
        );
        Ok(())
    }
}

/// What is found in many a wrapper: no fence, no realm, no version.
fn by_hand() {
    let mut redis = Redis::with_replica(&[]);
    redis.stall_link();
    let take = |redis: &Redis, owner| redis.cli(["SET", "lock", owner, "NX", "PX", "60000"]).stdout;
    let first = take(&redis, "first");
    redis.failover();
    let second = take(&redis, "second");
    println!(
        "SET NX by hand               first: {}, second: {}, nobody is told",
        first.trim(),
        second.trim()
    );
}

async fn advisory() -> Outcome {
    let mut redis = Redis::with_replica(&[]);
    let lock = |store: RedisStore| {
        let store: Arc<dyn Store> = Arc::new(store);
        AdvisoryLock::builder(store, "lock").ttl(Duration::from_secs(6)).build()
    };
    let (first, second) = (lock(open(&redis).await?)?, lock(open(&redis).await?)?);
    redis.wait_replicated();
    redis.stall_link();
    let held = first.acquire().await?;
    redis.failover();
    let clock = SystemClock::new();
    let begun = clock.now();
    let other = second.acquire().await?;
    let twice = held.is_held() && other.is_held();
    held.lost().await;
    println!(
        "AdvisoryLock, ttl 6 s        granted twice: {twice}; the first owner believes no longer {:.1} s after the failover",
        clock.now().since(begun).as_secs_f64()
    );
    Ok(())
}
