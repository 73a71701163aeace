//! What only a store in a file promises.

use std::fs;

use entourage_core::PausedClock;
use entourage_testkit::Scratch;

use super::*;
use crate::{Change, StoreExt, Test};

const TTL: Duration = Duration::from_secs(60);

#[tokio::test]
async fn concurrent_writers_share_an_fsync() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.join("state")).unwrap();
    let before = store.stats().durable_commits;
    let writers = (0..64).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                store.put(&format!("k/{task}"), number.to_string().into()).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let commits = store.stats().durable_commits - before;
    assert!(commits <= 20 * 64 / 8, "{commits} fsyncs for 1280 writes");
}

#[tokio::test]
async fn renewals_and_refusals_cost_no_fsync() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.join("state")).unwrap();
    let session = store.session(TTL).await.unwrap();
    store.put("k", "1".into()).await.unwrap();
    let before = store.stats();
    for _ in 0..10 {
        session.renew().await.unwrap();
        let refused = store.transact(Txn::new().when("k", Test::Absent).put("k", "2")).await.unwrap();
        assert_eq!(refused.applied(), None);
    }
    let after = store.stats();
    assert_eq!(after.durable_commits, before.durable_commits);
    assert_eq!(after.relaxed_commits, before.relaxed_commits + 10);
}

#[tokio::test]
async fn a_reboot_ends_sessions_and_repeats_no_version_or_fence() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.join("state")).unwrap();
    let (realm, session) = (store.realm(), store.session(TTL).await.unwrap());
    let txn = Txn::new().put_with("owner", "1", session.id()).put("data", "1");
    let last = store.transact(txn).await.unwrap().applied().unwrap();
    drop((store, session.id()));
    let (id, fence) = (session.id(), session.fence().clone());
    drop(session);

    // Another timeline on the same machine is another boot.
    let rebooted = SqliteOptions::new().with_clock(Arc::new(PausedClock::new())).with_realm(realm);
    let store = rebooted.open(scratch.join("state")).unwrap();
    assert!(matches!(store.resume(id).await, Err(Error::SessionLost { .. })));
    assert_eq!(store.get("owner").await.unwrap(), None);
    assert!(store.get("data").await.unwrap().is_some());
    let mut watch = store.watch("", Some(last)).await.unwrap();
    let ended = watch.next().await.unwrap();
    assert!(matches!(&ended, Change::Delete { key, version } if key == "owner" && *version > last));
    let refused = store.transact(Txn::new().when_held(fence.clone()).put("data", "2")).await.unwrap();
    assert_eq!(refused.applied(), None);
    let next = store.session(TTL).await.unwrap();
    assert!(next.fence().epoch() > fence.epoch() && next.id() != id);
}

#[tokio::test]
async fn a_copy_is_refused_until_it_is_adopted_and_then_a_realm_of_its_own() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.join("state")).unwrap();
    let session = store.session(TTL).await.unwrap();
    let txn = Txn::new().put_with("owner", "1", session.id()).put("data", "1");
    assert!(store.transact(txn).await.unwrap().applied().is_some());
    let (realm, fence) = (store.realm(), session.fence().clone());
    drop((store, session));

    let copy = scratch.join("copy");
    fs::copy(scratch.join("state"), &copy).unwrap();
    assert!(matches!(SqliteStore::open(&copy), Err(Error::Failed(_))));
    let adopting = SqliteOptions::new().with_adopt(true);
    let demanding = adopting.clone().with_realm(realm).open(&copy);
    assert!(matches!(demanding, Err(Error::ForeignRealm { .. })));
    let adopted = adopting.open(&copy).unwrap();
    assert_ne!(adopted.realm(), realm);
    assert_eq!(adopted.get("owner").await.unwrap(), None, "its sessions are another store's");
    assert!(adopted.get("data").await.unwrap().is_some());
    let answer = adopted.transact(Txn::new().when_held(fence)).await;
    assert!(matches!(answer, Err(Error::ForeignRealm { .. })));
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    fs::write(scratch.join("state"), "shopping list").unwrap();
    let error = SqliteStore::open(scratch.join("state")).unwrap_err();
    let source = std::error::Error::source(&error).expect("the engine says why").to_string();
    assert!(source.contains("not a file of entourage"), "{source}");
    assert_eq!(fs::read_to_string(scratch.join("state")).unwrap(), "shopping list");
}

#[tokio::test]
async fn large_values_are_watched_in_bounded_batches() {
    let scratch = Scratch::new();
    let store = SqliteStore::open(scratch.join("state")).unwrap();
    let start = store.put("start", "".into()).await.unwrap();
    for number in 0..10_u8 {
        store.put(&format!("k/{number}"), vec![number; 1 << 20].into()).await.unwrap();
    }
    let read = move |connection: &Connection| snapshot::changes(connection, "k/", start, 100);
    let look = store.shared.read(read).await.unwrap();
    assert_eq!(look.batch.changes.len(), 4);
    let mut watch = store.watch("k/", Some(start)).await.unwrap();
    for number in 0..10_u8 {
        assert_eq!(watch.next().await.unwrap().key(), Some(format!("k/{number}").as_str()));
    }
}
