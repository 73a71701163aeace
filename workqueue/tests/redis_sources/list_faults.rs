//! What a list gives when its readers and its server die, freeze, fill up or forget.

use std::time::Duration;

use entourage_core::{SystemClock, timeout};
use entourage_queue::MemoryQueue;
use entourage_testkit::{Redis, eventually_async};
use entourage_workqueue::{Finish, RedisListSource, WorkSource};

use crate::{DEADLINE, Log, Manager, at, is_here, listed, name, records, said, texts, why};

fn source(redis: &Redis) -> RedisListSource {
    RedisListSource::new(at(redis), "jobs").unwrap()
}

const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

#[tokio::test]
async fn what_a_lister_that_died_has_moved_is_listed_by_the_next() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    redis.cli(["RPUSH", "jobs", "a", "b"]);
    let first = source(&redis);
    let moved = first.items().await.unwrap();
    assert_eq!(moved.names().len(), 2);
    drop(first);
    assert_eq!(said(&redis, &["LLEN", "jobs"]), ["0"]);
    let second = source(&redis);
    assert_eq!(second.items().await.unwrap().names(), moved.names(), "what was moved is lost");
    assert_eq!(second.item(&moved.names()[1]).await.unwrap().unwrap().bytes(), "b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_started_again_and_managers_that_crash_lose_no_element() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&DURABLE);
    redis.cli(["EVAL", "for i = 1000, 1399 do redis.call('RPUSH', KEYS[1], i) end", "1", "jobs"]);
    let (queue, log) = (MemoryQueue::new(), Log::default());
    for round in 1..=3 {
        let manager = Manager::start(source(&redis).with_limit(60), &queue, &log);
        eventually_async(DEADLINE, "some are worked on", async || (log.len() >= round * 90).then_some(()))
            .await;
        if round == 2 {
            redis.kill9();
            redis.restart();
        }
        manager.crash().await;
    }
    let manager = Manager::start(source(&redis).with_limit(60), &queue, &log);
    eventually_async(DEADLINE, "all are worked on and forgotten", async || {
        (log.len() >= 400 && records(&queue).await == 0).then_some(())
    })
    .await;
    manager.drain().await;
    let mut data = log.data();
    data.sort();
    assert_eq!(data, (1_000..1_400).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(log.most() <= 4, "repeated by something else than a crash: {}", log.most());
    assert_eq!(said(&redis, &["KEYS", "*"]), ["{jobs}:source"]);
}

#[tokio::test]
async fn a_frozen_server_frees_every_call_and_what_it_moved_unheard_is_listed_later() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let brief = at(&redis).with_timeout(Duration::from_millis(500));
    let source = RedisListSource::new(brief, "jobs").unwrap();
    assert!(source.items().await.unwrap().names().is_empty());
    redis.cli(["RPUSH", "jobs", "a", "b", "c"]);
    redis.pause();
    let clock = SystemClock::new();
    let frozen = timeout(&clock, DEADLINE, async {
        // Sent, and done by the server once it goes on.
        let listing = source.items().await.map(|_| ());
        let item = source.item(&name("1")).await.map(|_| ());
        [listing, item, source.finished(&[name("1")], Finish::Done).await.map(|_| ())]
    });
    for answer in frozen.await.expect("every call ends") {
        assert!(why(answer).starts_with("jobs cannot be asked now"));
    }
    redis.resume();
    eventually_async(DEADLINE, "all are listed", async || {
        (source.items().await.ok()?.names().len() == 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_emptied_is_worked_for_again() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let (queue, log) = (MemoryQueue::new(), Log::default());
    let manager = Manager::start(source(&redis), &queue, &log);
    for round in 1..=3 {
        redis.cli(["RPUSH", "jobs", "again"]);
        eventually_async(DEADLINE, "it is worked on", async || (log.len() == round).then_some(())).await;
        redis.kill9();
        redis.restart();
    }
    manager.drain().await;
    assert_eq!(log.most(), 1, "a name was given twice");
}

#[tokio::test]
async fn a_server_without_memory_moves_nothing_and_lets_go_all_the_same() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    redis.cli(["RPUSH", "jobs", "a", "b"]);
    let source = source(&redis).with_limit(1);
    let listing = source.items().await.unwrap();
    redis.out_of_memory();
    assert_eq!(source.item(&listing.names()[0]).await.unwrap().unwrap().bytes(), "a");
    assert_eq!(source.finished(listing.names(), Finish::Done).await.unwrap(), []);
    assert!(why(source.items().await).contains("out of memory"));
    assert_eq!(said(&redis, &["LLEN", "jobs"]), ["1"]);
    redis.enough_memory();
    assert_eq!(listed(&source).await.names().len(), 1);
}

#[tokio::test]
async fn a_key_that_holds_something_else_is_said_and_left_alone() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    redis.cli(["SET", "jobs", "precious"]);
    let source = source(&redis);
    assert!(why(source.items().await).contains("the key jobs holds no list"));
    redis.cli(["DEL", "jobs"]);
    redis.cli(["RPUSH", "jobs", "a"]);
    redis.cli(["SET", "{jobs}:source:taken", "precious"]);
    assert!(why(source.items().await).contains("WRONGTYPE"));
    assert_eq!(said(&redis, &["LRANGE", "jobs", "0", "-1"]), ["a"]);
    redis.cli(["DEL", "{jobs}:source:taken"]);
    let listing = source.items().await.unwrap();
    assert_eq!(texts(&listing).len(), 1);
}
