//! What a caller sees of a server that stops, comes back, is full or is another's replica.

use std::time::Duration;

use entourage_store::{Change, Error, Store, StoreExt, Test, Txn};
use entourage_testkit::{Redis, eventually_async};

use super::{DEADLINE, DURABLE, bounded, commit, connect, is_here, next, settled, write};

#[tokio::test]
async fn a_frozen_server_frees_every_call_by_its_deadline() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start();
    let store = connect(&redis).await;
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    let mut watch = store.watch("", None).await.unwrap();
    redis.pause();
    let written = bounded("a write", store.put("k", "v".into())).await;
    assert!(matches!(written, Err(Error::Unknown(_))), "{written:?}");
    let read = bounded("a read", store.get("k")).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    let looked = bounded("a look", store.transact(Txn::new().when("k", Test::Absent))).await;
    assert!(matches!(looked, Err(Error::Unavailable(_))), "a look changes nothing: {looked:?}");
    assert!(bounded("a renewal", session.renew()).await.is_err());
    let seen = bounded("a watch", watch.next()).await;
    assert!(matches!(seen, Err(Error::Unavailable(_))), "{seen:?}");
    redis.resume();
    settled("the session is renewed", async || session.renew().await).await.unwrap();
    write(&store, "after", "v").await;
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_leaves_no_gap_in_a_watch() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&DURABLE);
    let store = connect(&redis).await;
    let mut watch = store.watch("k/", None).await.unwrap();
    let mut expected = Vec::new();
    for round in 0..3 {
        for number in 0..5 {
            let key = format!("k/{round}-{number}");
            expected.push((key.clone(), write(&store, &key, "v").await));
            write(&store, "elsewhere", "v").await;
        }
        // Some are seen before, and some after.
        if round == 1 {
            let Change::Put(entry) = next(&mut *watch).await.unwrap() else { panic!("all were written") };
            assert_eq!((entry.key, entry.version), expected.remove(0));
        }
        redis.kill9();
        redis.restart();
    }
    expected.push(("k/end".to_owned(), write(&store, "k/end", "v").await));
    for (key, version) in expected {
        match next(&mut *watch).await.unwrap() {
            Change::Put(entry) => assert_eq!((entry.key, entry.version), (key, version)),
            change => panic!("{change:?} where {key} was written"),
        }
    }
}

#[tokio::test]
async fn a_waiting_watch_goes_on_with_a_server_that_was_started_again() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&DURABLE);
    let store = connect(&redis).await;
    let mut watch = store.watch("", None).await.unwrap();
    let waits = tokio::spawn(async move { next(&mut *watch).await });
    let blocks = |redis: &Redis| redis.cli(["CLIENT", "LIST"]).stdout.contains("cmd=xread");
    eventually_async(DEADLINE, "the watch waits at the server", async || {
        tokio::task::yield_now().await;
        blocks(&redis).then_some(())
    })
    .await;
    redis.kill9();
    redis.restart();
    let version = write(&store, "k", "v").await;
    let change = waits.await.unwrap().unwrap();
    assert_eq!((change.key(), change.version()), (Some("k"), version));
}

#[tokio::test]
async fn a_session_and_its_keys_outlive_a_restart_and_end_on_time_without_traffic() {
    if !is_here() {
        return;
    }
    let mut redis = Redis::start_with(&DURABLE);
    let store = connect(&redis).await;
    let session = store.session(Duration::from_secs(5)).await.unwrap();
    commit(&store, Txn::new().put_with("k", "v", session.id())).await;
    redis.kill9();
    redis.restart();
    let resumed = settled("it is resumed", async || store.resume(session.id()).await).await;
    let resumed = resumed.expect("a server that is back soon has its sessions");
    assert_eq!(resumed.fence().supersedes(session.fence()), Ok(true));
    let mut watch = store.watch("", None).await.unwrap();
    drop(resumed);
    // Nothing is called but the watch.
    assert_eq!(next(&mut *watch).await.unwrap().key(), Some("k"));
    assert_eq!(store.get("k").await.unwrap(), None);
}

#[tokio::test]
async fn a_server_that_is_full_takes_nothing_new_and_goes_on_with_what_it_has() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store = connect(&redis).await;
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    let short = store.session(Duration::from_secs(2)).await.unwrap();
    let txn = Txn::new().put_with("mine", "v", session.id()).put_with("short", "v", short.id());
    commit(&store, txn.put("k", "v")).await;
    let mut watch = store.watch("", None).await.unwrap();
    redis.out_of_memory();
    let refused = store.put("k", "w".into()).await;
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    let refused = store.session(Duration::from_secs(60)).await;
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    assert_eq!(store.get("k").await.unwrap().unwrap().value, "v", "nothing happened");
    session.renew().await.expect("a holder keeps what it has");
    let resumed = store.resume(session.id()).await.expect("and takes it over");
    store.delete("k").await.expect("what frees memory is done");
    assert_eq!(next(&mut *watch).await.unwrap().key(), Some("k"));
    assert_eq!(next(&mut *watch).await.unwrap().key(), Some("short"), "what is over ends");
    resumed.end().await.expect("what is given back is taken");
    assert_eq!(next(&mut *watch).await.unwrap().key(), Some("mine"));
    redis.enough_memory();
    store.put("k", "w".into()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_has_become_a_replica_is_not_written_or_read() {
    if !is_here() {
        return;
    }
    let redis = Redis::start();
    let store = connect(&redis).await;
    store.put("k", "v".into()).await.unwrap();
    // Of a master that nobody reaches, so that it keeps its data.
    redis.cli(["REPLICAOF", "127.0.0.1", "1"]);
    let written = store.put("k", "w".into()).await;
    assert!(matches!(written, Err(Error::Unavailable(_))), "{written:?}");
    let read = store.get("k").await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "it may be of long ago: {read:?}");
    redis.cli(["REPLICAOF", "NO", "ONE"]);
    let read = settled("it is read again", async || store.get("k").await).await.unwrap();
    assert_eq!(read.unwrap().value, "v", "nothing happened");
}
