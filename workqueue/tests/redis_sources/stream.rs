//! What a Stream gives.

use entourage_blueprint::Blueprint;
use entourage_queue::MemoryQueue;
use entourage_testkit::{Redis, eventually_async};
use entourage_workqueue::{Finish, RedisStreamSource, SourceError, SourceServer, StreamStart, WorkSource};

use crate::{DEADLINE, Log, Manager, at, is_here, name, records, said, texts, why};

fn source(redis: &Redis) -> RedisStreamSource {
    RedisStreamSource::new(at(redis), "orders", "kitchen")
}

/// Adds entries with the ids `1-1` to `1-N`.
fn add(redis: &Redis, entries: usize) {
    let add = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '1-' .. i, 'n', i) end";
    redis.cli(["EVAL", add, "1", "orders", &entries.to_string()]);
}

/// How many entries are pending.
fn pending(redis: &Redis) -> usize {
    said(redis, &["XPENDING", "orders", "kitchen"])[0].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_each_worked_on_once_and_nothing_is_pending_after() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    add(&redis, 500);
    let (queue, log) = (MemoryQueue::new(), Log::default());
    let managers =
        [0, 1].map(|_| Manager::start(source(&redis).with_limit(120).with_deletion(), &queue, &log));
    eventually_async(DEADLINE, "all are worked on and forgotten", async || {
        (log.len() == 500 && records(&queue).await == 0).then_some(())
    })
    .await;
    for manager in managers {
        manager.drain().await;
    }
    assert_eq!(log.most(), 1, "one was worked on twice");
    assert!(log.data().iter().all(|data| data.starts_with(r#"{"n":""#)));
    assert_eq!((pending(&redis), said(&redis, &["XLEN", "orders"])), (0, vec!["0".to_owned()]));
    let mut keys = said(&redis, &["KEYS", "*"]);
    keys.sort();
    assert_eq!(keys, ["orders", "{entourage}:source"]);
}

#[tokio::test]
async fn a_group_begins_where_it_is_told_and_stays_where_it_is() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    // An absent Stream is made.
    assert!(source(&redis).items().await.unwrap().is_complete());
    add(&redis, 2);
    let later = RedisStreamSource::new(at(&redis), "orders", "later").with_start(StreamStart::New);
    assert!(later.items().await.unwrap().names().is_empty());
    redis.cli(["XADD", "orders", "2-1", "n", "3"]);
    assert_eq!(texts(&later.items().await.unwrap()), ["2-1"]);
    let all = source(&redis).with_start(StreamStart::New);
    let listing = all.items().await.unwrap();
    assert_eq!((texts(&listing), listing.is_complete()), (vec!["1-1", "1-2", "2-1"], true));
    assert_eq!(all.item(&name("1-2")).await.unwrap().unwrap().bytes(), r#"{"n":"2"}"#);
    assert_eq!(all.finished(&[name("1-1"), name("2-1")], Finish::Done).await.unwrap(), []);
    assert_eq!(all.item(&name("1-1")).await.unwrap(), None, "what is finished is there");
    assert_eq!(texts(&all.items().await.unwrap()), ["1-2"]);
    assert_eq!(said(&redis, &["XLEN", "orders"]), ["3"], "it deletes what nobody told it to");
    assert_eq!(Blueprint::of(&SourceServer::new(all)).check(), []);
}

#[tokio::test]
async fn hostile_entries_are_data_or_refused_and_hostile_names_are_none() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let add = "redis.call('XADD', KEYS[1], '1-1', 'a', '\\0\\255', 'b', '1', 'b', '2', '\\254', '')
        redis.call('XADD', KEYS[1], '1-2', 'x', string.rep('x', 2097152))
        redis.call('XADD', KEYS[1], '1-3', 'x', string.rep('\\1', 1000000))
        redis.call('XADD', KEYS[1], '18446744073709551615-18446744073709551615', 'n', '')";
    redis.cli(["EVAL", add, "1", "orders"]);
    let source = source(&redis);
    let listing = source.items().await.unwrap();
    assert_eq!(texts(&listing), ["1-1", "1-2", "1-3", "18446744073709551615-18446744073709551615"]);
    let data = source.item(&name("1-1")).await.unwrap().unwrap();
    assert_eq!(data.bytes(), r#"{"a":{"hex":"00ff"},"b":["1","2"],"hex:fe":""}"#);
    for large in ["1-2", "1-3"] {
        let answer = source.item(&name(large)).await;
        assert!(matches!(answer, Err(SourceError::TooLarge { .. })), "{large}: {answer:?}");
    }
    assert!(source.item(&listing.names()[3]).await.unwrap().is_some());
    for hostile in ["1", "-", "+", "$", "1-01", "01-1", "1-1 ", "1--1", "99999999999999999999-1", "*", "1-+1"]
    {
        assert_eq!(source.item(&name(hostile)).await.unwrap(), None, "{hostile}");
        assert_eq!(source.finished(&[name(hostile)], Finish::Done).await.unwrap(), [], "{hostile}");
    }
    assert_eq!(pending(&redis), 4);
}

#[tokio::test]
async fn a_hundred_thousand_pending_entries_come_as_many_at_a_time_as_allowed() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    add(&redis, 100_000);
    redis.cli(["XGROUP", "CREATE", "orders", "kitchen", "0"]);
    let read =
        "redis.call('XREADGROUP', 'GROUP', 'kitchen', ARGV[1], 'COUNT', ARGV[2], 'STREAMS', KEYS[1], '>')";
    redis.cli(["EVAL", read, "1", "orders", "entourage-dead", "99000"]);
    let source = source(&redis).with_idle(std::time::Duration::from_millis(30)).with_limit(2_000);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let listing = eventually_async(DEADLINE, "it is full", async || {
            let listing = source.items().await.unwrap();
            (listing.names().len() == 2_000).then_some(listing)
        })
        .await;
        assert!(!listing.is_complete());
        seen.extend(listing.names().iter().cloned());
        assert_eq!(source.finished(listing.names(), Finish::Done).await.unwrap(), []);
    }
    assert_eq!(seen.len(), 6_000, "what is finished was listed again");
}

#[tokio::test]
async fn a_key_of_another_kind_and_a_group_that_is_gone_are_said_clearly() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    redis.cli(["RPUSH", "orders", "precious"]);
    let source = source(&redis);
    let told = why(source.items().await);
    assert!(told.contains("the key orders holds no stream; name another, or free it"), "{told}");
    assert!(why(source.item(&name("1-1")).await).contains("holds no stream"));
    assert_eq!(said(&redis, &["LRANGE", "orders", "0", "-1"]), ["precious"]);
    redis.cli(["DEL", "orders"]);
    add(&redis, 3);
    assert_eq!(source.items().await.unwrap().names().len(), 3);
    redis.cli(["XGROUP", "DESTROY", "orders", "kitchen"]);
    // To begin anew would be to do again what was done.
    for _ in 0..2 {
        let told = why(source.items().await);
        assert!(told.contains("the stream orders or its group kitchen was deleted"), "{told}");
    }
    assert!(source.finished(&[name("1-1")], Finish::Done).await.is_err());
    redis.cli(["XGROUP", "CREATE", "orders", "kitchen", "1-2"]);
    assert_eq!(texts(&source.items().await.unwrap()), ["1-3"]);
}
