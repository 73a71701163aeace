//! What an operator does to a cluster: compact it, revoke leases, restore older data.

use std::time::Duration;

use entourage_store::{Change, Error, Outcome, Standing, Store, StoreExt, Txn, Version};
use entourage_testkit::{Etcd, Program, eventually_async};

use super::{DEADLINE, connect, is_here, next, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_is_too_slow_misses_nothing_until_a_compaction_and_then_says_resync() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    let store = connect(&etcd).await;
    let mut watch = store.watch("k", None).await.unwrap();
    let mut written = Vec::new();
    for number in 0..300 {
        written.push(write(&store, "k", &number.to_string()).await);
    }
    let last = *written.last().expect("something was written");
    etcd.ctl(["compaction", &last.to_string()]);
    let mut seen = Vec::new();
    let as_of = loop {
        match next(&mut *watch).await {
            Change::Resync { as_of } => break as_of,
            change => seen.push(change.version()),
        }
    };
    // What had been read by then is handed out, and nothing out of turn.
    assert!(!seen.is_empty() && seen.len() < written.len(), "{} of {}", seen.len(), written.len());
    assert_eq!(seen, written[..seen.len()]);
    assert!(as_of >= last && watch.position() == as_of);
    let after = write(&store, "k", "after").await;
    assert_eq!(next(&mut *watch).await.version(), after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_an_operator_revokes_is_a_lost_session() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    let store = connect(&etcd).await;
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    store.transact(Txn::new().put_with("owner", "us", session.id())).await.unwrap().applied().unwrap();
    let mut watch = store.watch("owner", None).await.unwrap();
    etcd.ctl(["lease", "revoke", &format!("{:x}", session.id().number)]);
    assert!(matches!(next(&mut *watch).await, Change::Delete { key, .. } if key == "owner"));
    let held = Txn::new().when_held(session.fence().clone()).put("page", "1");
    assert_eq!(store.transact(held).await.unwrap(), Outcome::Refused { condition: 0, found: None });
    let answer = store.transact(Txn::new().put_with("owner", "us", session.id())).await;
    assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
    let answer = session.renew().await;
    assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
    assert_eq!(session.standing(), Standing::Lost);
    session.end().await.expect("ending a lost session is no error");
}

/// Under the same cluster token the realm is the same, and only the revisions tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_is_restored_from_an_older_copy_is_refused_and_not_taken_for_the_newer() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::start();
    let store = connect(&etcd).await;
    write(&store, "k", "1").await;
    let (data, copy) = (etcd.data(0), etcd.data(0).with_extension("copy"));
    let copy_to = |from: &std::path::Path, to: &std::path::Path| {
        let _ = std::fs::remove_dir_all(to);
        let _ = Program::new("cp").arg("-a").arg(from).arg(to).start().wait(DEADLINE).succeeded();
    };
    etcd.kill9(0);
    copy_to(&data, &copy);
    etcd.restart(0);
    let mut last = Version::ZERO;
    for number in 0..50 {
        last = write(&store, "k", &number.to_string()).await;
    }
    let mut watch = store.watch("", Some(last)).await.unwrap();
    etcd.kill9(0);
    copy_to(&copy, &data);
    etcd.restart(0);
    let went_back =
        |error: &Error| matches!(error, Error::Failed(why) if why.to_string().contains("restored"));
    let error = eventually_async(DEADLINE, "a read says that revisions went back", async || {
        store.get("k").await.err().filter(|error| !matches!(error, Error::Unavailable(_)))
    })
    .await;
    assert!(went_back(&error), "{error:?}");
    let error = store.put("k", "2".into()).await.unwrap_err();
    assert!(went_back(&error), "{error:?}");
    let error = eventually_async(DEADLINE, "the watch says that revisions went back", async || {
        watch.next().await.err().filter(|error| !matches!(error, Error::Unavailable(_)))
    })
    .await;
    assert!(went_back(&error), "{error:?}");
    // Who opens it anew takes it as it is, but not a place in what it was.
    let anew = connect(&etcd).await;
    assert_eq!(anew.get("k").await.unwrap().map(|entry| entry.value), Some("1".into()));
    let error = anew.watch("", Some(last)).await.map(drop).unwrap_err();
    assert!(went_back(&error), "{error:?}");
}
