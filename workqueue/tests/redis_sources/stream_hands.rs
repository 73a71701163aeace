//! Whose an entry is.

use std::time::Duration;

use entourage_queue::MemoryQueue;
use entourage_testkit::{Redis, eventually_async, let_pass};
use entourage_workqueue::{Finish, RedisStreamSource, WorkSource};

use crate::{DEADLINE, Log, Manager, at, is_here, name, records, said, texts};

const SOON: Duration = Duration::from_millis(200);

fn source(redis: &Redis) -> RedisStreamSource {
    RedisStreamSource::new(at(redis), "orders", "kitchen")
}

fn add(redis: &Redis, entries: usize) {
    let add = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '1-' .. i, 'n', i) end";
    redis.cli(["EVAL", add, "1", "orders", &entries.to_string()]);
}

/// Whose an entry is, if it is pending.
fn owner(redis: &Redis, id: &str) -> Option<String> {
    said(redis, &["XPENDING", "orders", "kitchen", id, id, "1"]).get(1).cloned()
}

/// The consumers of the group.
fn consumers(redis: &Redis) -> Vec<String> {
    let said = said(redis, &["XINFO", "CONSUMERS", "orders", "kitchen"]);
    said.windows(2).filter(|pair| pair[0] == "name").map(|pair| pair[1].clone()).collect()
}

#[tokio::test]
async fn what_another_program_has_claimed_is_left_to_it() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    add(&redis, 3);
    let source = source(&redis).with_deletion();
    assert_eq!(source.items().await.unwrap().names().len(), 3);
    let ours = owner(&redis, "1-1").unwrap();
    redis.cli(["XCLAIM", "orders", "kitchen", "theirs", "0", "1-2"]);
    // And this one came back by another way: it is another delivery than the one that was listed.
    redis.cli(["XCLAIM", "orders", "kitchen", "theirs", "0", "1-3"]);
    redis.cli(["XCLAIM", "orders", "kitchen", &ours, "0", "1-3"]);
    let all = [name("1-1"), name("1-2"), name("1-3")];
    let kept = source.finished(&all, Finish::Done).await.unwrap();
    assert_eq!(owner(&redis, "1-2").as_deref(), Some("theirs"), "it was taken out of other hands");
    assert_eq!(kept, all[1..]);
    assert_eq!((owner(&redis, "1-1"), owner(&redis, "1-3")), (None, Some(ours)));
    assert_eq!(said(&redis, &["XLEN", "orders"]), ["2"]);
    let listing = source.items().await.unwrap();
    assert_eq!((texts(&listing), listing.is_complete()), (vec!["1-3"], false));
    assert_eq!(source.finished(&all, Finish::Done).await.unwrap(), all[1..2]);
    assert_eq!(owner(&redis, "1-3"), None);
}

#[tokio::test]
async fn what_a_silent_consumer_left_is_taken_over_and_the_consumer_deleted() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    add(&redis, 250);
    let first = source(&redis).with_idle(SOON);
    assert_eq!(first.items().await.unwrap().names().len(), 250);
    redis.cli(["XGROUP", "CREATECONSUMER", "orders", "kitchen", "theirs"]);
    drop(first);
    let second = source(&redis).with_idle(SOON);
    let listing = eventually_async(DEADLINE, "all are taken over", async || {
        let listing = second.items().await.unwrap();
        (listing.names().len() == 250).then_some(listing)
    })
    .await;
    assert!(listing.is_complete());
    eventually_async(DEADLINE, "the empty consumer is gone", async || {
        second.items().await.unwrap();
        let consumers = consumers(&redis);
        (consumers.len() == 2 && consumers.contains(&"theirs".to_owned())).then_some(())
    })
    .await;
    assert_eq!(said(&redis, &["XPENDING", "orders", "kitchen"])[0], "250");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_is_kept_though_nobody_lists_it() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    add(&redis, 150);
    let idle = Duration::from_secs(3);
    let holder = source(&redis).with_idle(idle);
    assert_eq!(holder.items().await.unwrap().names().len(), 150);
    let peer = source(&redis).with_idle(idle);
    let_pass(idle + Duration::from_millis(500));
    let listing = peer.items().await.unwrap();
    assert_eq!((listing.names().len(), listing.is_complete()), (0, false), "it was taken over");
    // But any of ours may say that they are finished: they share one ledger.
    let names: Vec<_> = (1..=150).map(|number| name(&format!("1-{number}"))).collect();
    assert_eq!(peer.finished(&names, Finish::Done).await.unwrap(), []);
    assert!(holder.items().await.unwrap().names().is_empty());
}

#[tokio::test]
async fn what_was_deleted_while_it_was_pending_is_none_and_pending_no_more() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    add(&redis, 4);
    let source = source(&redis);
    assert_eq!(source.items().await.unwrap().names().len(), 4);
    redis.cli(["XDEL", "orders", "1-1"]);
    redis.cli(["XTRIM", "orders", "MINID", "1-3"]);
    for gone in ["1-1", "1-2"] {
        assert_eq!(source.item(&name(gone)).await.unwrap(), None);
        assert_eq!(owner(&redis, gone), None, "{gone} is pending for ever");
    }
    assert_eq!(texts(&source.items().await.unwrap()), ["1-3", "1-4"]);
    // What another program has is none of ours to clean.
    redis.cli(["XCLAIM", "orders", "kitchen", "theirs", "0", "1-4"]);
    redis.cli(["XDEL", "orders", "1-4"]);
    assert_eq!(source.item(&name("1-4")).await.unwrap(), None);
    assert_eq!(owner(&redis, "1-4").as_deref(), Some("theirs"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn managers_that_crash_leave_their_entries_to_the_others() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    add(&redis, 600);
    let (queue, log) = (MemoryQueue::new(), Log::default());
    let manager = || Manager::start(source(&redis).with_idle(SOON).with_limit(100), &queue, &log);
    let survivor = manager();
    for round in 1..=3 {
        let victim = manager();
        eventually_async(DEADLINE, "some are worked on", async || (log.len() >= round * 120).then_some(()))
            .await;
        victim.crash().await;
    }
    eventually_async(DEADLINE, "all are settled and forgotten", async || {
        let is_over = log.len() == 600 && records(&queue).await == 0;
        (is_over && said(&redis, &["XPENDING", "orders", "kitchen"])[0] == "0").then_some(())
    })
    .await;
    eventually_async(DEADLINE, "only one consumer is left", async || {
        (consumers(&redis).len() == 1).then_some(())
    })
    .await;
    survivor.drain().await;
    assert!(log.most() <= 4, "repeated by something else than a crash: {}", log.most());
}
