//! Several keys at once: all or nothing.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use super::subject::Subject;
use crate::{Change, Error, Test, Txn, Version, What};

pub(super) async fn a_refused_transaction_changes_nothing(store: Subject) {
    let version = store.write("a", "1").await;
    let writes = |txn: Txn| txn.put("a", "2").put("b", "2").delete("c");
    store.write("c", "1").await;
    store.refusal(writes(Txn::new().when("a", Test::Version(version)).when("b", Test::Present))).await;
    store.refusal(writes(Txn::new().when("b", Test::Present).when("a", Test::Version(version)))).await;
    assert_eq!(store.value("a").await, "1");
    assert!(!store.has("b").await);
    assert!(store.has("c").await);
}

pub(super) async fn writes_of_one_transaction_share_a_version(store: Subject) {
    store.write("b", "0").await;
    let start = store.write("c", "0").await;
    let mut watch = store.observe("", Some(start)).await;
    let version = store.commit(Txn::new().put("a", "1").put("b", "1").delete("c")).await;
    for key in ["a", "b"] {
        assert_eq!(store.read(key).await.map(|entry| entry.version), Some(version));
    }
    assert!(!store.has("c").await);
    let mut seen: Vec<_> = watch.take(3).await.iter().map(Change::version).collect();
    seen.dedup();
    assert_eq!(seen, [version]);
}

pub(super) async fn a_refusal_names_the_first_failing_condition(store: Subject) {
    let version = store.write("a", "1").await;
    let (holds, fails) = (Test::Version(version), Test::Absent);
    let txn = Txn::new().when("b", Test::Absent).when("a", holds.clone()).when("a", fails.clone());
    assert_eq!(store.refusal(txn.when("b", Test::Present).put("a", "2")).await.0, 2);
    let txn = Txn::new().when("b", Test::Present).when("a", holds).when("a", fails);
    assert_eq!(store.refusal(txn.put("a", "2")).await.0, 0);
}

pub(super) async fn a_refusal_shows_what_was_found(store: Subject) {
    store.write("a", "1").await;
    store.write("a", "2").await;
    let stands = store.read("a").await;
    assert_eq!(store.refusal(Txn::new().when("a", Test::Absent).delete("a")).await.1, stands);
    let newer = Test::Version(Version::new(u64::MAX >> 1));
    assert_eq!(store.refusal(Txn::new().when("a", newer).delete("a")).await.1, stands);
    assert_eq!(store.refusal(Txn::new().when("b", Test::Present).delete("a")).await.1, None);
}

pub(super) async fn every_condition_on_a_key_counts(store: Subject) {
    let created = store.write("k", "1").await;
    let written = store.write("k", "2").await;
    let both = |version| {
        let txn = Txn::new().when("k", Test::Version(version)).when("k", Test::Created(created));
        txn.when("k", Test::Present).put("k", "3")
    };
    assert_eq!(store.refusal(both(created)).await.0, 0);
    store.commit(both(written)).await;
}

pub(super) async fn conditions_are_judged_before_the_writes(store: Subject) {
    store.commit(Txn::new().when("a", Test::Absent).put("a", "1").when("a", Test::Absent)).await;
    store.commit(Txn::new().when("a", Test::Present).delete("a").when("a", Test::Present)).await;
    assert!(!store.has("a").await);
}

pub(super) async fn a_condition_may_name_a_key_that_is_not_written(store: Subject) {
    let guard = store.write("guard", "1").await;
    store.commit(Txn::new().when("guard", Test::Version(guard)).put("a", "1")).await;
    assert_eq!(store.read("guard").await.map(|entry| entry.version), Some(guard));
    store.write("guard", "2").await;
    store.refusal(Txn::new().when("guard", Test::Version(guard)).put("a", "2")).await;
    assert_eq!(store.value("a").await, "1");
}

pub(super) async fn a_transaction_without_writes_makes_no_commit(store: Subject) {
    let last = store.write("a", "1").await;
    let mut watch = store.observe("", Some(last)).await;
    store.assert_latest(store.commit(Txn::new().when("a", Test::Present)).await, last);
    store.assert_latest(store.commit(Txn::new()).await, last);
    store.refusal(Txn::new().when("a", Test::Absent)).await;
    let listing = store.listing(What::prefix("")).await;
    store.assert_latest(listing.as_of, last);
    assert_eq!(listing.entries.iter().map(|entry| entry.version).collect::<Vec<_>>(), [last]);
    store.write("end", "").await;
    assert_eq!(watch.until("end").await, []);
}

pub(super) async fn a_key_written_twice_is_refused(store: Subject) {
    store.write("k", "1").await;
    let twice = [
        Txn::new().put("k", "2").put("k", "3"),
        Txn::new().put("k", "2").put("k", "2"),
        Txn::new().put("k", "2").put("other", "2").delete("k"),
        Txn::new().delete("k").delete("k"),
    ];
    for txn in twice {
        let error = store.error(txn.clone()).await;
        assert!(matches!(error, Error::Invalid(_)), "{txn:?} ended in {error:?}");
    }
    assert_eq!(store.value("k").await, "1");
    assert!(!store.has("other").await);
}

pub(super) async fn a_refused_transaction_is_not_seen(store: Subject) {
    let start = store.write("a", "1").await;
    let mut watch = store.observe("", Some(start)).await;
    store.refusal(Txn::new().when("a", Test::Absent).put("a", "2").put("b", "2")).await;
    store.error(Txn::new().put("a", "2").put("a", "3")).await;
    store.write("end", "").await;
    assert_eq!(watch.until("end").await, Vec::<Change>::new());
}

/// Dropped before it is sent, on its way, and when it is done: on a server of its own the way
/// takes a hundred turns and more.
pub(super) async fn a_dropped_transaction_is_all_or_nothing(store: Subject) {
    for polls in [0, 1, 2, 3, 8, 32, 128, 512] {
        let (left, right) = (format!("{polls}/left"), format!("{polls}/right"));
        {
            let mut transact = pin!(store.transact(Txn::new().put(&left, "v").put(&right, "v")));
            for _ in 0..polls {
                let poll = poll_fn(|context| Poll::Ready(transact.as_mut().poll(context))).await;
                if let Poll::Ready(answer) = poll {
                    assert!(answer.expect("the store answers").applied().is_some());
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Where calls are answered in order, what was sent by then is decided by now; elsewhere
        // it may be decided at any moment, and is whole at each.
        store.write("after", "").await;
        let listing = store.listing(What::prefix(format!("{polls}/"))).await;
        let versions: Vec<_> = listing.entries.iter().map(|entry| entry.version).collect();
        assert!(
            matches!(versions[..], []) || versions.len() == 2 && versions[0] == versions[1],
            "{listing:?}"
        );
    }
}
