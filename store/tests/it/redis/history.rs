//! What the history keeps, and that its end is told.

use entourage_store::{Change, Store, StoreExt, Txn, Version};
use entourage_testkit::Redis;

use super::{commit, connect, is_here, next, options};

fn length(redis: &Redis) -> usize {
    redis.cli(["XLEN", "{team-a}:store:changes"]).stdout.trim().parse().expect("the server says a number")
}

fn bytes(redis: &Redis) -> usize {
    redis
        .cli(["HGET", "{team-a}:store:history", "bytes"])
        .stdout
        .trim()
        .parse()
        .expect("the server says a number")
}

#[tokio::test]
async fn commits_are_dropped_whole_and_the_latest_never() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store = options(&redis).with_history(10).connect().await.unwrap();
    let writes = |value: &'static str| (0..25).fold(Txn::new(), |txn, n| txn.put(format!("k/{n:02}"), value));
    let first = commit(&store, writes("1")).await;
    assert_eq!(length(&redis), 25, "the latest commit stays though it is longer");
    let second = commit(&store, writes("2")).await;
    assert_eq!(length(&redis), 25, "the one before went whole");
    let mut watch = store.watch("k/", Some(first)).await.unwrap();
    for _ in 0..25 {
        assert_eq!(next(&mut *watch).await.unwrap().version(), second);
    }
    let third = store.delete("k/00").await.unwrap();
    assert_eq!((length(&redis), bytes(&redis)), (1, "k/00".len()), "what is kept is what is counted");
    let mut late = store.watch("k/", Some(first)).await.unwrap();
    assert_eq!(next(&mut *late).await.unwrap(), Change::Resync { as_of: third });
    let mut on_time = store.watch("k/", Some(second)).await.unwrap();
    let delete = Change::Delete { key: "k/00".to_owned(), version: third };
    assert_eq!(next(&mut *on_time).await.unwrap(), delete);
    assert_eq!(next(&mut *watch).await.unwrap(), delete);
}

#[tokio::test]
async fn a_history_is_bounded_in_bytes_and_a_watch_is_told() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store = connect(&redis).await;
    let start = store.put("start", "v".into()).await.unwrap();
    for number in 0..70 {
        store.put("k", vec![number; 1024 * 1024].into()).await.unwrap();
    }
    let (length, bytes) = (length(&redis), bytes(&redis));
    assert!(bytes <= 64 * 1024 * 1024 && length >= 60, "{length} changes of {bytes} bytes");
    let mut watch = store.watch("", Some(start)).await.unwrap();
    assert!(matches!(next(&mut *watch).await.unwrap(), Change::Resync { .. }));
}

#[tokio::test]
async fn a_watch_of_little_passes_much_of_others_and_comes_after_a_version_of_elsewhere() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store = connect(&redis).await;
    let start = store.put("p/first", "v".into()).await.unwrap();
    for round in 0..5 {
        let others = (0..99).fold(Txn::new(), |txn, n| txn.put(format!("other/{round}-{n}"), "v"));
        commit(&store, others).await;
    }
    let last = store.put("p/last", "v".into()).await.unwrap();
    let mut watch = store.watch("p/", Some(start)).await.unwrap();
    let change = next(&mut *watch).await.unwrap();
    assert_eq!((change.key(), change.version()), (Some("p/last"), last));
    let mut ahead = store.watch("p/", Some(Version::new(u64::MAX))).await.unwrap();
    assert_eq!(next(&mut *ahead).await.unwrap(), Change::Resync { as_of: last });
}
