//! What a list gives.

use entourage_blueprint::Blueprint;
use entourage_queue::{MemoryQueue, Queue, Redrive};
use entourage_testkit::{Redis, eventually_async};
use entourage_workqueue::{Finish, ItemData, RedisListSource, SourceError, SourceServer, WorkSource};

use crate::{DEADLINE, Log, Manager, at, is_here, name, records, said, texts};

fn source(redis: &Redis) -> RedisListSource {
    RedisListSource::new(at(redis), "jobs").unwrap()
}

fn keys(redis: &Redis) -> Vec<String> {
    let mut keys = said(redis, &["KEYS", "*"]);
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elements_are_each_worked_on_once_and_nothing_is_left_of_them() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    // More than are taken at a time, and many of them equal.
    redis.cli(["EVAL", "for i = 0, 599 do redis.call('RPUSH', KEYS[1], i % 7) end", "1", "jobs"]);
    let (queue, log) = (MemoryQueue::new(), Log::default());
    let managers = [0, 1].map(|_| Manager::start(source(&redis).with_limit(150), &queue, &log));
    let mut order = Vec::new();
    eventually_async(DEADLINE, "all are worked on and forgotten", async || {
        order = log.data();
        (log.len() == 600 && records(&queue).await == 0).then_some(())
    })
    .await;
    for manager in managers {
        manager.drain().await;
    }
    assert_eq!(log.most(), 1, "one was worked on twice");
    // Names are numbers of one length, so the log is in their order: that of the list.
    assert!(order.iter().enumerate().all(|(at, data)| *data == (at % 7).to_string()), "{order:?}");
    assert_eq!(keys(&redis), ["{jobs}:source"]);
}

#[tokio::test]
async fn any_bytes_are_an_element_and_large_ones_are_refused() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let source = source(&redis);
    assert!(source.items().await.unwrap().is_complete());
    let push = "redis.call('RPUSH', KEYS[1], '', '\\0\\255\\r\\n', string.rep('x', 2097152), string.rep('y', 1048576))";
    redis.cli(["EVAL", push, "1", "jobs"]);
    let listing = source.items().await.unwrap();
    assert_eq!((listing.names().len(), listing.is_complete()), (4, true));
    let names = listing.names();
    assert_eq!(source.item(&names[0]).await.unwrap().unwrap().bytes(), "");
    assert_eq!(source.item(&names[1]).await.unwrap().unwrap().bytes()[..], *b"\0\xff\r\n");
    assert!(matches!(source.item(&names[2]).await, Err(SourceError::TooLarge { .. })));
    assert_eq!(source.item(&names[3]).await.unwrap().unwrap().bytes().len(), ItemData::MAX_BYTES);
    for hostile in ["taken", "../x", "12345", "-1", "99999999999999999999999", "1e3", "*"] {
        assert_eq!(source.item(&name(hostile)).await.unwrap(), None, "{hostile}");
        assert_eq!(source.finished(&[name(hostile)], Finish::Done).await.unwrap(), [], "{hostile}");
    }
    assert_eq!(source.items().await.unwrap().names().len(), 4);
    assert_eq!(Blueprint::of(&SourceServer::new(source)).check(), []);
}

#[tokio::test]
async fn no_more_are_taken_than_allowed_by_however_many() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    redis.cli(["EVAL", "for i = 1, 1000 do redis.call('LPUSH', KEYS[1], i) end", "1", "jobs"]);
    let (one, other) =
        (source(&redis).with_limit(250).from_right(), source(&redis).with_limit(250).from_right());
    let listing = one.items().await.unwrap();
    assert_eq!((listing.names().len(), listing.is_complete()), (250, false));
    assert_eq!(other.items().await.unwrap().names(), listing.names());
    assert_eq!(said(&redis, &["LLEN", "jobs"]), ["750"]);
    // Who pushes to the left has the oldest at the right.
    assert_eq!(one.item(&listing.names()[0]).await.unwrap().unwrap().bytes(), "1");
    assert_eq!(other.item(&listing.names()[249]).await.unwrap().unwrap().bytes(), "250");
    assert_eq!(one.finished(listing.names(), Finish::Done).await.unwrap(), []);
    let next = other.items().await.unwrap();
    assert_eq!(other.item(&next.names()[0]).await.unwrap().unwrap().bytes(), "251");
    assert!(listing.names().iter().all(|name| !next.names().contains(name)), "a name was given twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_kept_aside_for_who_redrives_it() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    redis.cli(["RPUSH", "jobs", "good", "bad"]);
    let (queue, log) = (MemoryQueue::new(), Log::default());
    let manager = Manager::start(source(&redis), &queue, &log);
    let dead = async || queue.dead(&"site".into(), &"site".into(), 10).await.unwrap();
    eventually_async(DEADLINE, "it is told", async || {
        (dead().await.len() == 1 && log.len() == 2 && records(&queue).await == 0).then_some(())
    })
    .await;
    assert_eq!(said(&redis, &["HVALS", "{jobs}:source:dead"]), ["bad"]);
    assert_eq!(said(&redis, &["EXISTS", "{jobs}:source:taken"]), ["0"]);
    let letter = dead().await[0].item.id().to_string();
    redis.cli(["HSET", "{jobs}:source:dead", &letter, "mended"]);
    queue.redrive(&"site".into(), &"site".into(), Redrive::All).await.unwrap();
    eventually_async(DEADLINE, "nothing is left of it", async || {
        (keys(&redis) == ["{jobs}:source"]).then_some(())
    })
    .await;
    manager.drain().await;
    assert_eq!(log.data(), ["good", "mended"]);
    assert_eq!(texts(&source(&redis).items().await.unwrap()), [""; 0]);
}

#[test]
fn keys_that_share_no_slot_are_refused() {
    for key in ["", "a b", "{a}", "a}b", "7", "é", &"x".repeat(129)] {
        let options = entourage_workqueue::RedisOptions::new("localhost", 6379);
        assert!(matches!(RedisListSource::new(options, key), Err(SourceError::Invalid(_))), "{key}");
    }
}
