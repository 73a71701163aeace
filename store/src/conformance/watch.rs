//! Watches: every change, in order, once, or a resync.

use super::subject::Subject;
use crate::{Change, Txn, What};

fn keys(changes: &[Change]) -> Vec<&str> {
    changes.iter().filter_map(Change::key).collect()
}

pub(super) async fn a_watch_shows_every_change_in_order(store: Subject) {
    let mut watch = store.observe("", None).await;
    let mut written = Vec::new();
    for round in 0..5_u8 {
        for key in ["b", "a"] {
            store.write(key, vec![round]).await;
            written.push(Change::Put(store.read(key).await.expect("the key was just written")));
        }
        let version = store.remove("b").await;
        written.push(Change::Delete { key: "b".to_owned(), version });
    }
    assert_eq!(watch.take(written.len()).await, written);
    store.write("end", "").await;
    assert_eq!(watch.until("end").await, []);
}

pub(super) async fn a_watch_begins_after_its_version(store: Subject) {
    let beginning = store.beginning().await;
    store.write("a", "1").await;
    let second = store.write("b", "1").await;
    let third = store.write("a", "2").await;
    let mut watch = store.observe("", Some(second)).await;
    store.assert_latest(watch.position(), second);
    assert!(watch.position() < third);
    let entry = watch.put().await;
    assert_eq!((entry.key.as_str(), entry.version), ("a", third));
    let mut all = store.observe("", Some(beginning)).await;
    assert_eq!(keys(&all.take(3).await), ["a", "b", "a"]);
}

pub(super) async fn a_watch_from_now_on_shows_nothing_of_before(store: Subject) {
    store.write("a", "1").await;
    let last = store.remove("a").await;
    let mut watch = store.observe("", None).await;
    store.assert_latest(watch.position(), last);
    store.write("b", "1").await;
    assert_eq!(watch.put().await.key, "b");
}

pub(super) async fn a_watch_keeps_to_its_prefix(store: Subject) {
    let mut watch = store.observe("p/", None).await;
    let inside = ["p/", "p/a", "p/\u{10ffff}"];
    for key in ["p", "p!", "p/", "p0", "P/a", "p/a", "q", "p/\u{10ffff}", "o/p/"] {
        store.write(key, "v").await;
    }
    store.commit(Txn::new().delete("p").delete("p/a").delete("q")).await;
    store.write("p/end", "").await;
    let changes = watch.until("p/end").await;
    assert_eq!(keys(&changes), [inside[0], inside[1], inside[2], "p/a"]);
}

pub(super) async fn a_waiting_watch_wakes_at_a_commit(store: Subject) {
    let mut watch = store.observe("k", None).await;
    for round in 0..3_u8 {
        let writer = store.store();
        let writing = tokio::spawn(async move {
            tokio::task::yield_now().await;
            let txn = Txn::new().put("elsewhere", vec![round]).put("k", vec![round]);
            writer.transact(txn).await.expect("the store answers")
        });
        assert_eq!(watch.put().await.value, vec![round]);
        let outcome = writing.await.expect("the writer succeeds");
        assert!(outcome.applied().is_some(), "{outcome:?}");
    }
}

pub(super) async fn a_dropped_next_loses_no_change(store: Subject) {
    let mut watch = store.observe("", None).await;
    let mut seen = Vec::new();
    for round in 0..12_u8 {
        // Given up before there is anything, and between the changes of one commit.
        seen.extend(watch.ask_once().await);
        let txn = Txn::new().put(format!("a/{round}"), "").put(format!("b/{round}"), "");
        store.commit(txn).await;
        seen.extend(watch.ask_once().await);
        tokio::task::yield_now().await;
        seen.extend(watch.ask_once().await);
    }
    store.write("end", "").await;
    seen.extend(watch.until("end").await);
    let mut keys = keys(&seen);
    keys.sort_unstable();
    let mut expected: Vec<_> =
        (0..12).flat_map(|round| [format!("a/{round}"), format!("b/{round}")]).collect();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

pub(super) async fn a_position_inside_a_commit_repeats_all_of_it(store: Subject) {
    let start = store.write("start", "").await;
    let mut watch = store.observe("", Some(start)).await;
    let first = store.commit(Txn::new().put("a", "1").put("b", "1").put("c", "1")).await;
    let second = store.commit(Txn::new().put("a", "2").put("b", "2")).await;
    store.write("end", "").await;
    for handed_out in 1..=5 {
        watch.next().await;
        let position = watch.position();
        let (done, next) = if handed_out < 3 { (start, first) } else { (first, second) };
        if handed_out != 5 {
            store.assert_latest(position, done);
            assert!(position < next, "{position} after {handed_out} changes");
        }
        let mut resumed = store.observe("", Some(position)).await;
        let missing = match handed_out {
            1 | 2 => 5,
            3 | 4 => 2,
            _ => 0,
        };
        assert_eq!(resumed.until("end").await.len(), missing, "after {handed_out} changes");
    }
}

pub(super) async fn a_position_passes_what_is_elsewhere(store: Subject) {
    let mut watch = store.observe("p/", None).await;
    store.write("p/a", "1").await;
    let first = watch.put().await.version;
    assert!(watch.position() >= first);
    store.write("elsewhere", "1").await;
    let last = store.write("p/b", "1").await;
    assert!(watch.position() < last, "a position passes a change that was not handed out");
    assert_eq!(store.observe("p/", Some(watch.position())).await.put().await.key, "p/b");
}

pub(super) async fn two_watches_see_the_same(store: Subject) {
    let (mut left, mut right) = (store.observe("", None).await, store.observe("", None).await);
    for key in ["a", "b", "a"] {
        store.write(key, "v").await;
    }
    let first = left.take(2).await;
    store.remove("b").await;
    let (rest, all) = (left.take(2).await, right.take(4).await);
    assert_eq!([first, rest].concat(), all);
}

/// A history that is bounded by a number of changes is outrun; one that is dropped by a call
/// is dropped.
pub(super) async fn a_compacted_watch_says_resync(store: Subject) {
    let start = store.write("p/first", "").await;
    store.remove("p/first").await;
    let mut last = start;
    for number in 0..=store.history().unwrap_or(3) {
        last = store.write(&format!("p/{}", number % 3), vec![0; 8]).await;
    }
    store.compact().await;
    let mut watch = store.observe("p/", Some(start)).await;
    let Change::Resync { as_of } = watch.next().await else {
        panic!("changes were dropped in silence");
    };
    assert!(as_of > start);
    let next = store.write("p/next", "").await;
    assert!(as_of < next, "a resync as of {as_of} passes a commit that came later");
    if store.history().is_some() {
        assert!(as_of <= last);
    }
    assert!(watch.position() >= as_of && watch.position() < next);
    // What follows is complete.
    let changes = watch.until("p/next").await;
    assert!(changes.iter().all(|change| change.version() > as_of), "{changes:?}");
    let missed = store.listing(What::prefix("p/")).await.entries.into_iter();
    let missed: Vec<_> = missed.filter(|entry| entry.version > as_of && entry.version < next).collect();
    for entry in missed {
        assert!(changes.contains(&Change::Put(entry.clone())), "{entry:?} is missing after {as_of}");
    }
    let mut again = store.observe("p/", Some(watch.position())).await;
    store.write("p/end", "").await;
    assert_eq!(again.until("p/end").await, []);
}

/// Where the history is not bounded by a number of changes, it must have them all.
pub(super) async fn a_slow_watch_misses_nothing_in_silence(store: Subject) {
    let mut watch = store.observe("", None).await;
    let mut last = store.write("k", "0").await;
    let first = watch.put().await.version;
    assert_eq!(first, last);
    let mut versions = Vec::new();
    for number in 0..store.history().map_or(130, |kept| kept * 2) {
        last = store.write("k", number.to_string()).await;
        versions.push(last);
    }
    let (mut through, mut resyncs) = (first, 0);
    while through < last {
        match watch.next().await {
            Change::Resync { as_of } => {
                assert!(as_of > through);
                (through, resyncs) = (as_of, resyncs + 1);
            }
            change => {
                let expected = versions.iter().find(|version| **version > through);
                assert_eq!(Some(&change.version()), expected, "after {through}");
                through = change.version();
            }
        }
    }
    if let Some(kept) = store.history() {
        assert!(resyncs > 0, "{} changes of a history of {kept} were kept", versions.len());
    }
}

pub(super) async fn what_the_history_keeps_is_shown_without_a_resync(store: Subject) {
    let start = store.write("start", "").await;
    let kept = store.history().unwrap_or(100).min(100);
    for number in 0..kept {
        store.write("k", number.to_string()).await;
    }
    let mut watch = store.observe("", Some(start)).await;
    for number in 0..kept {
        assert_eq!(watch.put().await.value, number.to_string());
    }
}
