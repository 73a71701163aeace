//! A cluster of etcd that loses its majority, forgets its history, or is served by an operator.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use entourage_core::{Clock, SystemClock};
use entourage_election::{Election, Observed};
use entourage_store::{
    Call, Error as StoreError, EtcdOptions, EtcdStore, RecordingStore, Store, StoreExt, Txn, Version,
};
use entourage_testkit::{Etcd, Requirement, eventually_async};

use crate::{NAME, wire::Wire};

use super::{
    DEADLINE, LONG, SHORT, acquiring, both_are_granted_after, contend, in_time, lock, nobody_is_granted,
    writes,
};

/// What a call is given: a server that stands still is not waited for.
const LIMIT: Duration = Duration::from_secs(1);

pub(super) fn is_here() -> bool {
    Requirement::from(Etcd::available()).is_met("etcd")
}

pub(super) async fn connect(etcd: &Etcd) -> EtcdStore {
    let options = EtcdOptions::new(etcd.endpoints()).with_timeout(LIMIT).with_connect_timeout(LIMIT / 2);
    options.connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_ownership_ends_by_the_clock_and_all_go_on_when_it_is_back() {
    if !is_here() {
        return;
    }
    let mut etcd = Etcd::cluster(3);
    let (ours, theirs) = (connect(&etcd).await, connect(&etcd).await);
    let of_owner = lock(ours.clone(), SHORT);
    let owner = of_owner.acquire().await.unwrap();
    let waiting = acquiring(lock(theirs, SHORT));
    contend(&ours, 2).await;
    // One of them is dead, and one says nothing.
    let leader = etcd.leader();
    let other = (leader + 1) % 3;
    etcd.kill9(leader);
    etcd.pause(other);
    in_time("the ownership is lost", owner.lost()).await;
    assert!(!owner.is_held());
    let former = owner.held();
    drop(owner);
    let again = acquiring(of_owner);
    nobody_is_granted(&[&waiting, &again]).await;

    etcd.resume(other);
    etcd.restart(leader);
    both_are_granted_after(&ours, &former, waiting, again).await;
}

/// Writes so much below the name that no watch keeps it for a caller who is slow.
async fn make_noise(store: &EtcdStore) {
    let one_of_many = |number: usize| async move {
        let key = format!("{NAME}/noise-{number}");
        for _ in 0..40 {
            store.put(&key, "".into()).await.unwrap();
            store.delete(&key).await.unwrap();
        }
    };
    tokio::join!(one_of_many(0), one_of_many(1), one_of_many(2), one_of_many(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_under_the_watches_of_a_waiter_and_of_an_observer_is_seen_by_both() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    let store = connect(&etcd).await;
    let owner = lock(store.clone(), LONG).acquire().await.unwrap();
    let record = RecordingStore::new(connect(&etcd).await);
    let listings = || record.calls().iter().filter(|made| matches!(made.call, Call::List(_))).count();
    let wire = Wire::to(record.clone());
    let waiting = acquiring(lock(wire.fenced(), LONG));
    contend(&store, 2).await;
    let mut observer = Election::builder(store.clone(), NAME).build().unwrap().observe();
    let Observed::Leader(first) = observer.next().await.unwrap() else { panic!("somebody leads") };
    assert_eq!(Some(first.key.as_str()), owner.key().map(|(key, _)| key));

    // Neither is told anything while it happens, and what happened is dropped then.
    wire.is_deaf(true);
    let before = listings();
    make_noise(&store).await;
    let former = owner.held();
    owner.release().await.unwrap();
    let last = store.put("elsewhere", "".into()).await.unwrap();
    etcd.ctl(["compaction", &last.number().to_string()]);
    wire.is_deaf(false);

    let next = in_time("the waiter is granted", waiting).await.unwrap().unwrap();
    assert!(listings() > before, "it was not told of a gap");
    assert_eq!(next.fence().supersedes(former.fence()), Ok(true));
    let of_next = next.key().map(|(key, created)| (key.to_owned(), created));
    let mut seen = Vec::new();
    let leader = in_time("the observer sees who leads", async {
        loop {
            match observer.next().await.unwrap() {
                Observed::Leader(leader) if leader.created > first.created => break leader,
                observed => seen.push(observed),
            }
        }
    })
    .await;
    assert_eq!(seen, [Observed::Resync], "it is told of the gap, and then of the present");
    assert_eq!(Some((leader.key, leader.created)), of_next);
    assert!(writes(&store, &next.held()).await);
    next.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_of_etcd_takes_away_is_lost_at_once_and_lined_up_for_again() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    let (ours, theirs) = (connect(&etcd).await, connect(&etcd).await);
    let clock = SystemClock::new();
    let session_of = |key: &str| key.rsplit('/').next().unwrap().to_owned();
    let revoke = |key: &str| drop(etcd.ctl(["lease", "revoke", &session_of(key)]));
    let delete = |key: &str| drop(etcd.ctl(["del", key]));
    let ways: [&dyn Fn(&str); 2] = [&revoke, &delete];
    for take_away in ways {
        let owner = lock(ours.clone(), LONG).acquire().await.unwrap();
        let waiting = acquiring(lock(theirs.clone(), LONG));
        let keys = contend(&ours, 2).await;

        // From the waiter: it lines up again, as the last.
        let before = created(&ours, &keys[1]).await;
        take_away(&keys[1]);
        eventually_async(DEADLINE, "it lines up again", async || {
            let keys = contend(&ours, 2).await;
            (created(&ours, &keys[1]).await > before).then_some(())
        })
        .await;
        assert!(owner.is_held() && writes(&ours, &owner.held()).await && !waiting.is_finished());

        // From the owner, whose lease would go on for long.
        let until = owner.until();
        take_away(&keys[0]);
        in_time("the ownership is lost", owner.lost()).await;
        let next = in_time("the waiter is granted", waiting).await.unwrap().unwrap();
        assert!(clock.now() < until, "nobody waited for a lease to expire");
        assert_eq!(next.fence().supersedes(owner.fence()), Ok(true));
        assert!(!writes(&ours, &owner.held()).await && writes(&ours, &next.held()).await);

        // And the fence, which shuts its owner out until it acquires again.
        etcd.ctl(["del", &format!("fence/{NAME}")]);
        assert!(!writes(&ours, &next.held()).await);
        let former = next.fence().clone();
        next.release().await.unwrap();
        let again = lock(theirs.clone(), LONG).acquire().await.unwrap();
        assert_eq!(again.fence().supersedes(&former), Ok(true));
        assert!(writes(&ours, &again.held()).await);
        again.release().await.unwrap();
    }
}

async fn created(store: &dyn Store, key: &str) -> Version {
    store.get(key).await.unwrap().map_or(Version::ZERO, |entry| entry.created)
}

/// What a server does itself when its `--quota-backend-bytes` are used up.
fn raise_the_alarm_of_no_space(etcd: &Etcd) {
    let body = r#"{"action":"ACTIVATE","alarm":"NOSPACE"}"#;
    let head = "POST /v3/maintenance/alarm HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length:";
    let mut server = TcpStream::connect(&etcd.endpoints()[0]).unwrap();
    server.set_read_timeout(Some(DEADLINE)).unwrap();
    server.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(" 200 ") && answer.contains("NOSPACE"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_space_keeps_its_owner_and_grants_nobody_until_it_has_some() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    let (ours, theirs) = (connect(&etcd).await, connect(&etcd).await);
    let ttl = SHORT * 3;
    let owner = lock(ours.clone(), ttl).acquire().await.unwrap();
    let waiting = acquiring(lock(theirs, ttl));
    contend(&ours, 2).await;
    raise_the_alarm_of_no_space(&etcd);
    let answer = ours.transact(owner.guard(Txn::new().put("document", "1"))).await;
    assert!(matches!(answer, Err(StoreError::Full(_))), "{answer:?}");
    // Renewals need no space, and neither does a release.
    let until = owner.until();
    let renewed = async || (owner.until() > until).then_some(());
    eventually_async(DEADLINE, "it is renewed", renewed).await;
    assert!(owner.is_held());
    let former = owner.held();
    owner.release().await.unwrap();
    nobody_is_granted(&[&waiting]).await;

    etcd.ctl(["alarm", "disarm"]);
    let next = in_time("the waiter is granted", waiting).await.unwrap().unwrap();
    assert_eq!(next.fence().supersedes(former.fence()), Ok(true));
    assert!(writes(&ours, &next.held()).await || !next.is_held());
    let _ = next.release().await;
}
