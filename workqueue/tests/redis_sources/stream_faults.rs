//! What a Stream gives when its server dies, freezes, fills up or forgets.

use std::time::Duration;

use entourage_core::{SystemClock, timeout};
use entourage_queue::MemoryQueue;
use entourage_testkit::{Redis, eventually_async};
use entourage_workqueue::{Finish, RedisStreamSource, StreamStart, WorkSource};

use crate::{DEADLINE, Log, Manager, at, is_here, listed, name, records, said, why};

const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

fn source(redis: &Redis) -> RedisStreamSource {
    RedisStreamSource::new(at(redis), "orders", "kitchen")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_started_again_loses_no_entry_and_repeats_none() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&DURABLE);
    let add = "for i = 1, 400 do redis.call('XADD', KEYS[1], '1-' .. i, 'n', i) end";
    redis.cli(["EVAL", add, "1", "orders"]);
    let (queue, log) = (MemoryQueue::new(), Log::default());
    let manager = Manager::start(source(&redis).with_limit(50), &queue, &log);
    for round in 1..=2 {
        eventually_async(DEADLINE, "some are worked on", async || (log.len() >= round * 100).then_some(()))
            .await;
        redis.kill9();
        redis.restart();
    }
    eventually_async(DEADLINE, "all are settled and forgotten", async || {
        (log.len() == 400 && records(&queue).await == 0).then_some(())
    })
    .await;
    manager.drain().await;
    assert_eq!(log.most(), 1, "one was worked on twice");
    assert_eq!(said(&redis, &["XPENDING", "orders", "kitchen"])[0], "0");
}

#[tokio::test]
async fn a_frozen_server_frees_every_call_and_what_was_read_unheard_is_listed_later() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let brief = at(&redis).with_timeout(Duration::from_millis(500));
    let source = RedisStreamSource::new(brief, "orders", "kitchen");
    assert!(source.items().await.unwrap().names().is_empty());
    redis.cli(["XADD", "orders", "1-1", "n", "1"]);
    redis.pause();
    let clock = SystemClock::new();
    let frozen = timeout(&clock, DEADLINE, async {
        let listing = source.items().await.map(|_| ());
        let item = source.item(&name("1-1")).await.map(|_| ());
        [listing, item, source.finished(&[name("1-1")], Finish::Done).await.map(|_| ())]
    });
    for answer in frozen.await.expect("every call ends") {
        assert!(why(answer).starts_with("orders cannot be asked now"));
    }
    redis.resume();
    eventually_async(DEADLINE, "it is listed", async || {
        (source.items().await.ok()?.names() == [name("1-1")]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_emptied_begins_again_and_skips_nothing() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let (queue, log) = (MemoryQueue::new(), Log::default());
    let manager = Manager::start(source(&redis).with_start(StreamStart::New), &queue, &log);
    eventually_async(DEADLINE, "the group is there", async || {
        (said(&redis, &["EXISTS", "orders"]) == ["1"]).then_some(())
    })
    .await;
    for round in 1..=3 {
        // Before the source has seen that its group is gone.
        redis.cli(["XADD", "orders", &format!("{round}-1"), "n", "1"]);
        eventually_async(DEADLINE, "it is worked on", async || (log.len() == round).then_some(())).await;
        redis.kill9();
        redis.restart();
    }
    manager.drain().await;
    assert_eq!(log.most(), 1);
}

#[tokio::test]
async fn a_server_that_was_emptied_and_then_full_begins_again_when_it_has_room() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let source = source(&redis);
    assert!(source.items().await.unwrap().names().is_empty());
    redis.kill9();
    redis.restart();
    redis.out_of_memory();
    eventually_async(DEADLINE, "it cannot create its group", async || {
        let error = source.items().await.expect_err("there is no group");
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        cause.contains("out of memory").then_some(())
    })
    .await;
    redis.enough_memory();
    redis.cli(["XADD", "orders", "1-1", "n", "1"]);
    assert_eq!(listed(&source).await.names(), [name("1-1")]);
}

#[tokio::test]
async fn a_server_without_memory_reads_nothing_and_acknowledges_all_the_same() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    redis.cli(["XADD", "orders", "1-1", "n", "1"]);
    redis.cli(["XADD", "orders", "1-2", "n", "2"]);
    let source = source(&redis).with_limit(1);
    let listing = source.items().await.unwrap();
    redis.out_of_memory();
    assert_eq!(source.item(&listing.names()[0]).await.unwrap().unwrap().bytes(), r#"{"n":"1"}"#);
    assert_eq!(source.finished(listing.names(), Finish::Done).await.unwrap(), []);
    assert!(why(source.items().await).contains("out of memory"));
    redis.enough_memory();
    assert_eq!(listed(&source).await.names(), [name("1-2")]);
}
