//! Servers that are frozen, or killed.

use std::{error::Error as _, time::Duration};

use entourage_core::{Clock, SystemClock, sleep};
use entourage_store::{Change, Error, Standing, Store, StoreExt, Test, Txn, Version, What};
use entourage_testkit::{Etcd, Relay, eventually_async};

use super::{DEADLINE, LIMIT, SLACK, bounded, connect, is_here, next, options_of, write};

/// Of a session whose twelfth, which a server is waited for alone, is a second.
const TTL: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_frees_every_call_by_its_deadline() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::start();
    let store = connect(&etcd).await;
    let (session, kept) = (
        store.session(Duration::from_secs(60)).await.unwrap(),
        store.session(Duration::from_secs(60)).await.unwrap(),
    );
    let first = store.put("k", "1".into()).await.unwrap();
    let mut watch = store.watch("", Some(first)).await.unwrap();

    etcd.pause(0);
    let unavailable = |answer: &Result<(), Error>| matches!(answer, Err(Error::Unavailable(_)));
    // The connection stands: what is written on it may arrive.
    let answer = bounded("a write", store.put("k", "2".into())).await;
    assert!(matches!(answer, Err(Error::Unknown(_))), "{answer:?}");
    // It was given up then, and no new one comes about: nothing is sent.
    let answer = bounded("another write", store.put("k", "3".into())).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    let answer = bounded("a read", store.get("k")).await.map(drop);
    assert!(unavailable(&answer), "{answer:?}");
    let answer = bounded("a listing", store.list(&What::prefix(""))).await.map(drop);
    assert!(unavailable(&answer), "{answer:?}");
    let answer = bounded("a session", store.session(Duration::from_secs(5))).await.map(drop);
    assert!(unavailable(&answer), "{answer:?}");
    let answer = bounded("a resumption", store.resume(session.id())).await.map(drop);
    assert!(unavailable(&answer), "{answer:?}");
    let answer = bounded("a watch", store.watch("", None)).await.map(drop);
    assert!(unavailable(&answer), "{answer:?}");
    let answer = bounded("a renewal", kept.renew()).await.map(drop);
    assert!(unavailable(&answer), "{answer:?}");
    assert!(matches!(kept.standing(), Standing::Doubtful { .. }), "{:?}", kept.standing());
    let answer = bounded("the end of a session", session.end()).await;
    assert!(unavailable(&answer), "{answer:?}");
    let answer = bounded("a change", watch.next()).await.map(drop);
    assert!(unavailable(&answer), "{answer:?}");

    etcd.resume(0);
    let last = write(&store, "k", "4").await;
    kept.renew().await.expect("a session that stands is renewed");
    // What was told is told; the watch itself has gone on.
    let seen = eventually_async(DEADLINE, "the watch shows what was written", async || {
        let change = watch.next().await.ok()?;
        (change.version() == last).then_some(change)
    })
    .await;
    assert!(matches!(seen, Change::Put(entry) if entry.value == "4"));
}

/// Nothing is called but the watch: only a ping finds out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_on_a_frozen_server_says_so_and_goes_on_when_it_wakes() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::start();
    let (store, other) = (connect(&etcd).await, connect(&etcd).await);
    let mut watch = store.watch("", None).await.unwrap();
    let begun = SystemClock::new().now();
    etcd.pause(0);
    let answer = watch.next().await;
    let took = SystemClock::new().now().since(begun);
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    assert!(took < Duration::from_secs(5) + LIMIT * 3 + SLACK, "{took:?}");
    etcd.resume(0);
    let version = write(&other, "k", "v").await;
    let seen = eventually_async(DEADLINE, "the watch goes on", async || watch.next().await.ok()).await;
    // A write that was not acknowledged may have come before it.
    assert!(seen.version() <= version, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_started_again_leaves_no_gap_in_a_watch() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::start();
    let store = connect(&etcd).await;
    let mut watch = store.watch("p/", None).await.unwrap();
    let mut written = vec![write(&store, "p/a", "1").await];
    assert_eq!(next(&mut *watch).await.version(), written[0]);
    for round in 0..2 {
        etcd.kill9(0);
        let answer = bounded("a write to nobody", store.put("p/a", "never".into())).await;
        // Nobody listens there: that it was not sent is known, unless it met the connection's end.
        assert!(matches!(answer, Err(Error::Unavailable(_) | Error::Unknown(_))), "{answer:?}");
        let answer = bounded("a write to nobody", store.put("p/a", "never".into())).await;
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
        etcd.restart(0);
        for key in ["p/b", "p/c"] {
            written.push(write(&store, key, &round.to_string()).await);
        }
    }
    for version in &written[1..] {
        assert_eq!(next(&mut *watch).await.version(), *version);
    }
    assert_eq!(watch.position(), *written.last().expect("something was written"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_and_watches_outlive_the_leader() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::cluster(3);
    let store = connect(&etcd).await;
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    let claim = Txn::new().when("owner", Test::Absent).put_with("owner", "us", session.id());
    assert!(store.transact(claim).await.unwrap().applied().is_some());
    let mut watch = store.watch("n/", None).await.unwrap();
    let mut written = Vec::new();
    for number in 0..20 {
        if number == 10 {
            etcd.kill9(etcd.leader());
        }
        // Each key once, so that what was unknown and is tried again is one change or two.
        written.push((format!("n/{number:02}"), write(&store, &format!("n/{number:02}"), "v").await));
    }
    session.renew().await.expect("leases outlive their leader");
    let held = Txn::new().when_held(session.fence().clone()).put("page", "1");
    assert!(store.transact(held).await.unwrap().applied().is_some());
    let mut last = Version::ZERO;
    for (key, version) in &written {
        loop {
            let change = next(&mut *watch).await;
            assert!(change.version() > last, "{change:?} after {last}");
            last = change.version();
            assert_eq!(change.key(), Some(key.as_str()));
            if last == *version {
                break;
            }
        }
        assert_eq!(store.get(key).await.unwrap().map(|entry| entry.version), Some(*version));
    }
}

/// The two others are frozen, and this one does not know of it yet: it could tell what it has seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_only_looks_is_not_answered_by_one_server_alone() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::cluster(3);
    let leads = etcd.leader();
    let [first, second] = [1, 2].map(|step| (leads + step) % 3);
    let alone = options_of([etcd.endpoints()[first].clone()]).connect().await.unwrap();
    let written = write(&alone, "k", "1").await;
    let look = Txn::new().when("k", Test::Version(written));
    etcd.pause(second);
    etcd.pause(leads);
    let answer = bounded("a look", alone.transact(look.clone())).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    etcd.resume(second);
    etcd.resume(leads);
    let answer =
        eventually_async(DEADLINE, "most of them are back", async || alone.transact(look.clone()).await.ok())
            .await;
    assert!(answer.applied().is_some(), "{answer:?}");
}

/// A server that says "no leader" keeps its connection, and the stream of a watch on it, while the
/// calls go to the next. Later it is frozen, when nothing is asked of it any more; and nothing is
/// pinged here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_with_the_calls_to_another_server() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::cluster(3);
    let endpoints = etcd.endpoints();
    let leads = etcd.leader();
    let [first, second] = [1, 2].map(|step| (leads + step) % 3);
    let at = async |places: &[usize]| {
        let servers = places.iter().map(|place| endpoints[*place].clone());
        let unpinged = options_of(servers).with_keep_alive(Duration::from_secs(3600));
        unpinged.connect().await.expect("a server that is ready answers")
    };
    let (store, alone) = (at(&[first, second, leads]).await, at(&[first]).await);
    let others = at(&[second, leads]).await;
    let mut watch = store.watch("k", None).await.unwrap();
    let before = write(&others, "k", "before").await;
    assert_eq!(next(&mut *watch).await.version(), before);

    etcd.pause(second);
    etcd.pause(leads);
    eventually_async(DEADLINE, "the one that is left says that nobody leads", async || {
        let error = alone.get("k").await.err()?;
        error.source()?.to_string().contains("no leader").then_some(())
    })
    .await;
    // The first says so and the second says nothing: the calls are at the third.
    let answer = store.get("k").await.map(drop);
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    etcd.resume(second);
    etcd.resume(leads);
    write(&store, "elsewhere", "").await;

    etcd.pause(first);
    let meanwhile = write(&others, "k", "meanwhile").await;
    let mut last = before;
    while last < meanwhile {
        // A write that was not acknowledged may have come before it, but nothing comes twice.
        let change = next(&mut *watch).await;
        assert!(change.version() > last && change.key() == Some("k"), "{change:?} after {last}");
        last = change.version();
    }
    assert_eq!(last, meanwhile);
    etcd.resume(first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_outlives_its_server_in_one_try() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::cluster(3);
    let leads = etcd.leader();
    let mut servers = etcd.endpoints();
    servers.rotate_left((leads + 1) % 3);
    let store = options_of(servers).with_timeout(DEADLINE).connect().await.unwrap();
    let session = store.session(TTL).await.unwrap();
    etcd.pause((leads + 1) % 3);
    // Within a quarter for each of both calls, and it is not told "try again".
    session.renew().await.expect("the next server renews it");
    etcd.resume((leads + 1) % 3);
}

/// Its disk, or the way to it: each answer takes longer than a server is waited for alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_slow_renews_all_the_same() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::cluster(3);
    let relays: Vec<_> = etcd.endpoints().iter().map(|server| Relay::to(server)).collect();
    let servers = relays.iter().map(Relay::endpoint);
    let store = options_of(servers).with_timeout(DEADLINE).connect().await.unwrap();
    let session = store.session(TTL).await.unwrap();
    for _ in 0..3 {
        relays.iter().for_each(Relay::stall);
        let slow = async {
            sleep(&SystemClock::new(), TTL / 8).await;
            relays.iter().for_each(Relay::go_on);
        };
        let (answer, ()) = tokio::join!(biased; session.renew(), slow);
        answer.expect("a late answer is an answer");
    }
}
