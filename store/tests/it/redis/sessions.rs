//! Sessions: how many keys one has, and what happens when many are over at once.

use std::time::Duration;

use entourage_store::{Change, Error, Store, StoreExt, Txn, What};
use entourage_testkit::Redis;

use super::{commit, connect, is_here, judged, next, options};

const TTL: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_session_has_a_hundred_keys_and_no_more() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store = connect(&redis).await;
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    let tie = |numbers: std::ops::Range<u32>| {
        numbers.fold(Txn::new(), |txn, n| txn.put_with(format!("k/{n:03}"), "v", session.id()))
    };
    commit(&store, tie(0..99)).await;
    let refused = store.transact(tie(99..101)).await;
    assert!(matches!(refused, Err(Error::TooLarge { given: 101, limit: 100, .. })), "{refused:?}");
    assert_eq!(store.get("k/099").await.unwrap(), None, "it is refused whole");
    commit(&store, tie(99..100)).await;
    // What is there already counts once, and what leaves makes room.
    commit(&store, tie(0..50)).await;
    commit(&store, tie(100..101).delete("k/000").put("k/001", "plain")).await;
    commit(&store, tie(101..102)).await;
    let mut watch = store.watch("", None).await.unwrap();
    session.end().await.unwrap();
    let first = next(&mut *watch).await.unwrap().version();
    for _ in 1..100 {
        assert_eq!(next(&mut *watch).await.unwrap().version(), first, "they end in one commit");
    }
    assert_eq!(store.list(&What::prefix("")).await.unwrap().entries.len(), 1);
}

/// A script ends those of a hundred keys at most; whoever writes waits for all of them.
#[tokio::test]
async fn many_sessions_that_are_over_at_once_are_gone_before_the_next_write() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let (store, clock) = judged(options(&redis)).await;
    let start = store.put("start", "v".into()).await.unwrap();
    for number in 0..120 {
        let session = store.session(TTL).await.unwrap();
        let keys = |txn: Txn, n| txn.put_with(format!("k/{number:03}/{n}"), "v", session.id());
        commit(&store, (0..4).fold(Txn::new(), keys)).await;
    }
    clock.advance(TTL);
    assert!(store.list(&What::prefix("k/")).await.unwrap().entries.is_empty(), "nobody has ended them yet");
    assert_eq!(store.get("k/000/0").await.unwrap(), None);
    assert_eq!(redis.cli(["ZCARD", "{team-a}:store:names"]).stdout.trim(), "481");
    let last = store.put("k/000/0", "anew".into()).await.unwrap();
    let entry = store.get("k/000/0").await.unwrap().unwrap();
    assert_eq!(entry.created, last, "it is another key than the one that ended");
    assert_eq!(redis.cli(["ZCARD", "{team-a}:store:names"]).stdout.trim(), "2");
    for left in ["sessions", "deadlines"] {
        assert_eq!(redis.cli(["EXISTS", &format!("{{team-a}}:store:{left}")]).stdout.trim(), "0", "{left}");
    }
    let mut watch = store.watch("k/", Some(start)).await.unwrap();
    let (mut puts, mut deletes) = (0, 0);
    let mut versions = Vec::new();
    loop {
        match next(&mut *watch).await.unwrap() {
            Change::Put(entry) if entry.version == last => break,
            Change::Put(_) => puts += 1,
            Change::Delete { version, .. } => {
                deletes += 1;
                versions.push(version);
            }
            change => panic!("{change:?}"),
        }
    }
    versions.dedup();
    assert_eq!((puts, deletes, versions.len()), (480, 480, 120), "each session ends in a commit of its own");
}

#[tokio::test]
async fn a_watch_ends_what_is_over_though_nobody_writes() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store = connect(&redis).await;
    let session = store.session(Duration::from_secs(2)).await.unwrap();
    commit(&store, Txn::new().put_with("k", "v", session.id())).await;
    let mut watch = store.watch("", None).await.unwrap();
    assert_eq!(next(&mut *watch).await.unwrap().key(), Some("k"));
    assert_eq!(
        redis.cli(["ZCARD", "{team-a}:store:names"]).stdout.trim(),
        "0",
        "it is gone, not only hidden"
    );
}
