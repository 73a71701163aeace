//! A real cluster that is frozen, killed, compacted, restored, and used by others.

use std::time::Duration;

use entourage_core::{Clock, Realm, SystemClock, timeout};
use entourage_store::{
    Change, Error, EtcdOptions, EtcdStore, Order, Outcome, Standing, Store, StoreExt, StoreUrl, Test, Txn,
    Version, Watch, What,
};
use entourage_testkit::{Etcd, Program, Requirement, eventually_async};

/// Long enough for a busy machine; nothing waits so long unless it fails.
const DEADLINE: Duration = Duration::from_secs(30);
/// What a call is given in these tests.
const LIMIT: Duration = Duration::from_secs(1);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(4);

fn is_here() -> bool {
    Requirement::from(Etcd::available()).is_met("etcd")
}

fn options(etcd: &Etcd) -> EtcdOptions {
    EtcdOptions::new(etcd.endpoints())
        .with_prefix("team-a/")
        .with_timeout(LIMIT)
        .with_connect_timeout(LIMIT)
        .with_keep_alive(Duration::from_secs(5))
}

async fn connect(etcd: &Etcd) -> EtcdStore {
    options(etcd).connect().await.expect("a server that is ready answers")
}

/// What `call` gives; fails if it takes longer than a call may.
async fn bounded<T>(what: &str, call: impl Future<Output = T>) -> T {
    let answer = timeout(&SystemClock::new(), LIMIT + SLACK, call).await;
    answer.unwrap_or_else(|elapsed| panic!("{what}: {elapsed}"))
}

/// The next change, however long the watch was deaf before.
async fn next(watch: &mut dyn Watch) -> Change {
    let clock = SystemClock::new();
    let coming = async {
        loop {
            match watch.next().await {
                Err(Error::Unavailable(_)) => {}
                change => return change.expect("the watch goes on"),
            }
        }
    };
    timeout(&clock, DEADLINE, coming).await.expect("the watch's next change comes")
}

/// Writes until the store says that it is done.
async fn write(store: &EtcdStore, key: &str, value: &str) -> Version {
    eventually_async(DEADLINE, "a write is acknowledged", async || {
        store.put(key, value.to_owned().into()).await.ok()
    })
    .await
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_of_one_cluster_see_nothing_of_each_other_and_etcdctl_sees_plain_keys() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    // One server of the list is nowhere: the next one is asked.
    let endpoints = [vec!["127.0.0.1:1".to_owned()], etcd.endpoints()].concat();
    let store = EtcdOptions::new(endpoints).with_prefix("team-a/").connect().await.unwrap();
    let url: StoreUrl = format!("etcd://{}/team-b", etcd.endpoints()[0]).parse().unwrap();
    let (other, whole) = (url.open().await.unwrap(), EtcdStore::connect(etcd.endpoints()).await.unwrap());
    let (mut watch, mut all) = (store.watch("", None).await.unwrap(), whole.watch("", None).await.unwrap());
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    other.put("k", "theirs".into()).await.unwrap();
    store.transact(Txn::new().put_with("k", "ours", session.id())).await.unwrap().applied().unwrap();

    assert_eq!(etcd.ctl(["get", "--print-value-only", "team-a/k"]).stdout, "ours\n");
    etcd.ctl(["put", "team-a/written by hand", "v"]);
    etcd.ctl(["put", "team-a/", "no key of a tenant"]);
    let keys = |listing: entourage_store::Listing| -> Vec<String> {
        listing.entries.into_iter().map(|entry| entry.key).collect()
    };
    assert_eq!(keys(store.list(&What::prefix("")).await.unwrap()), ["k", "written by hand"]);
    assert_eq!(keys(other.list(&What::prefix("")).await.unwrap()), ["k"]);
    let of_all = ["team-a/", "team-a/k", "team-a/written by hand", "team-b/k"];
    // The session's own key lies among these, and is not shown.
    assert!(etcd.ctl(["get", "--prefix", "--keys-only", "team-a/"]).stdout.contains("session/"));
    // Nor does it end a page early, in either order.
    let created = whole.list(&What::prefix("").ordered(Order::Created).limit(2)).await.unwrap();
    assert_eq!(keys(created), ["team-b/k", "team-a/k"]);
    assert_eq!(keys(whole.list(&What::prefix("").limit(4)).await.unwrap()), of_all);
    assert_eq!(keys(whole.list(&What::prefix("")).await.unwrap()), of_all);
    for key in ["k", "written by hand"] {
        assert_eq!(next(&mut *watch).await.key(), Some(key));
    }
    for key in ["team-b/k", "team-a/k", "team-a/written by hand", "team-a/"] {
        assert_eq!(next(&mut *all).await.key(), Some(key));
    }
    assert_eq!(store.realm(), other.realm());
    let answer = other.resume(session.id()).await;
    assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
    let elsewhere = Realm::new(!store.realm().id());
    let answer = options(&etcd).with_realm(elsewhere).connect().await;
    assert!(matches!(answer, Err(Error::ForeignRealm { .. })), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_lets_in_and_is_printed_nowhere() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    etcd.ctl(["user", "add", "root:s3cret"]);
    etcd.ctl(["user", "grant-role", "root", "root"]);
    etcd.ctl(["auth", "enable"]);
    let store = options(&etcd).with_user("root", "s3cret").connect().await.unwrap();
    let session = store.session(Duration::from_secs(60)).await.unwrap();
    store.transact(Txn::new().put_with("k", "v", session.id())).await.unwrap().applied().unwrap();
    session.renew().await.unwrap();
    let mut watch = store.watch("", None).await.unwrap();
    store.put("k", "w".into()).await.unwrap();
    assert_eq!(next(&mut *watch).await.key(), Some("k"));
    let wrong = options(&etcd).with_user("root", "s3cret-not");
    let shown = format!("{store:?} {session:?} {watch:?} {wrong:?} {:?}", wrong.clone().connect().await);
    assert!(!shown.contains("s3cret"), "{shown}");
    for options in [wrong, options(&etcd)] {
        let answer = options.connect().await;
        assert!(matches!(answer, Err(Error::Failed(_))), "{answer:?}");
    }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_as_long_as_allowed_fits_and_one_byte_more_is_refused() {
    if !is_here() {
        return;
    }
    let etcd = Etcd::start();
    let store = connect(&etcd).await;
    let limit = 1536 * 1024;
    let mut values = vec![vec![7; 1024 * 1024], Vec::new()];
    let of = |values: &[Vec<u8>]| Txn::new().put("a", values[0].clone()).put("b", values[1].clone());
    // What the keys and the request add is told by the first refusal.
    values[1] = vec![7; limit - 1024 * 1024];
    let Err(Error::TooLarge { given, limit: said, .. }) = store.transact(of(&values)).await else {
        panic!("a transaction that is too long is not refused");
    };
    assert_eq!(said, limit as u64);
    let over = usize::try_from(given).unwrap() - limit;
    values[1].truncate(limit - 1024 * 1024 - over + 1);
    let answer = store.transact(of(&values)).await;
    assert!(matches!(answer, Err(Error::TooLarge { given, .. }) if given == limit as u64 + 1), "{answer:?}");
    assert!(store.get("a").await.unwrap().is_none());
    values[1].truncate(limit - 1024 * 1024 - over);
    assert!(
        store.transact(of(&values)).await.unwrap().applied().is_some(),
        "the server takes what is allowed"
    );
    assert_eq!(store.get("b").await.unwrap().map(|entry| entry.value.len()), Some(values[1].len()));
}
