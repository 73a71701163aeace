//! Many tasks and several handles at once.

use std::{collections::BTreeSet, sync::Arc};

use super::subject::Subject;
use crate::{Change, Error, Outcome, Store, Test, Txn, Version, What};

/// Adds one to a decimal count by compare-and-swap, as often as it takes.
async fn increment(store: &dyn Store, key: &str) -> Version {
    loop {
        let found = store.get(key).await.expect("the store answers");
        tokio::task::yield_now().await;
        let (test, count) = match &found {
            None => (Test::Absent, 0),
            Some(entry) => {
                let text = std::str::from_utf8(&entry.value).expect("a count is text");
                (Test::Version(entry.version), text.parse::<u64>().expect("a count is a number"))
            }
        };
        let txn = Txn::new().when(key, test).put(key, (count + 1).to_string());
        if let Outcome::Applied { version } = store.transact(txn).await.expect("the store answers") {
            return version;
        }
    }
}

/// Runs `tasks` times `rounds` increments over these handles and returns their versions.
async fn increments(handles: &[Arc<dyn Store>], tasks: usize, rounds: usize) -> Vec<Version> {
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let store = Arc::clone(&handles[task % handles.len()]);
            tokio::spawn(async move {
                let mut versions = Vec::with_capacity(rounds);
                for _ in 0..rounds {
                    versions.push(increment(&*store, "count").await);
                }
                assert!(versions.is_sorted(), "one task's commits went backwards: {versions:?}");
                versions
            })
        })
        .collect();
    let mut versions = Vec::new();
    for task in running {
        versions.extend(task.await.expect("the task succeeds"));
    }
    versions
}

pub(super) async fn concurrent_increments_lose_none(store: Subject) {
    increments(&[store.store()], 6, 8).await;
    assert_eq!(store.value("count").await, "48");
}

pub(super) async fn concurrent_commits_have_versions_of_their_own(store: Subject) {
    let mut watch = store.observe("count", None).await;
    let versions: BTreeSet<_> = increments(&[store.store()], 4, 8).await.into_iter().collect();
    assert_eq!(versions.len(), 32);
    let seen: Vec<_> = watch.take(32).await.iter().map(Change::version).collect();
    assert_eq!(seen, versions.into_iter().collect::<Vec<_>>());
}

pub(super) async fn one_of_many_creators_wins(store: Subject) {
    let creating: Vec<_> = (0..8_u8)
        .map(|creator| {
            let store = store.store();
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                let txn = Txn::new().when("k", Test::Absent).put("k", vec![creator]);
                let outcome = store.transact(txn).await.expect("the store answers");
                outcome.applied().map(|_| creator)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for creator in creating {
        winners.extend(creator.await.expect("the task succeeds"));
    }
    assert_eq!(winners.len(), 1, "{winners:?} each created the key");
    assert_eq!(store.value("k").await, winners);
}

pub(super) async fn handles_see_each_others_commits(store: Subject) {
    let other = store.reopen().await;
    let first = store.write("k", "1").await;
    assert_eq!(other.read("k").await, store.read("k").await);
    let second = other.commit(Txn::new().when("k", Test::Version(first)).put("k", "2")).await;
    assert!(second > first);
    assert_eq!(store.value("k").await, "2");
    store.refusal(Txn::new().when("k", Test::Version(first)).put("k", "3")).await;
    let third = store.remove("k").await;
    store.assert_latest(other.listing(What::prefix("")).await.as_of, third);
}

pub(super) async fn handles_lose_none_of_each_others_increments(store: Subject) {
    let handles = [store.store(), store.reopen().await.store(), store.reopen().await.store()];
    let versions: BTreeSet<_> = increments(&handles, 6, 6).await.into_iter().collect();
    assert_eq!(versions.len(), 36, "two handles committed in one version");
    assert_eq!(store.value("count").await, "36");
}

pub(super) async fn a_watch_sees_what_another_handle_commits(store: Subject) {
    let other = store.reopen().await;
    let mut watch = store.observe("p/", None).await;
    for key in ["p/a", "p/b"] {
        let version = other.write(key, "v").await;
        let entry = watch.put().await;
        assert_eq!((entry.key.as_str(), entry.version), (key, version));
    }
    let version = other.remove("p/a").await;
    assert_eq!(watch.delete().await, ("p/a".to_owned(), version));
}

pub(super) async fn the_realm_outlives_a_reopen(store: Subject) {
    let other = store.reopen().await;
    assert_eq!(other.realm(), store.realm());
    assert_eq!(other.capabilities(), store.capabilities());
}

pub(super) async fn a_session_is_resumed_through_another_handle(store: Subject) {
    let other = store.reopen().await;
    let look = async |ttl| {
        let (session, _) = store.open_with(ttl, &["k"]).await;
        let resumed = other.take_over_in_time(&session).await?;
        let deadline = store.clock().now() + resumed.granted_ttl();
        assert_eq!(resumed.fence().supersedes(session.fence()), Ok(true));
        let answer = session.renew().await;
        assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
        let held = Txn::new().when_held(session.fence().clone()).put("k", "old");
        assert_eq!(store.refusal(held).await, (0, None));
        let is_over = async || !store.has("k").await && !other.has("k").await;
        store.advance_to_end(deadline, "a key", is_over).await;
        Some(())
    };
    store.in_time(look).await;
}

pub(super) async fn sessions_of_two_handles_are_told_apart(store: Subject) {
    let other = store.reopen().await;
    let (left, right) = (store.open_long().await, other.open_long().await);
    assert_ne!(left.id(), right.id());
    other.commit(Txn::new().put_with("left", "v", left.id()).put_with("right", "v", right.id())).await;
    left.end().await.expect("a live session ends");
    assert_eq!(other.keys(What::prefix("")).await, ["right"]);
    let last = other.open_long().await;
    assert!(last.id() != left.id() && last.id() != right.id(), "a lost session's id names another one");
}

pub(super) async fn a_reopened_store_goes_on_where_it_was(store: Subject) {
    let created = store.write("k", "1").await;
    let version = store.write("k", "2").await;
    let other = store.reopen().await;
    let entry = other.read("k").await.expect("what was written is there");
    assert_eq!((entry.created, entry.version), (created, version));
    assert!(other.write("next", "v").await > version);
    let mut watch = other.observe("", Some(created)).await;
    assert_eq!(watch.put().await.version, version);
}
