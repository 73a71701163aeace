//! One key: its versions, and who may write it.

use bytes::Bytes;

use super::subject::Subject;
use crate::{Change, StoreExt, Swap, Test, Txn, Version};

pub(super) async fn an_absent_key_reads_as_none(store: Subject) {
    assert_eq!(store.read("k").await, None);
    store.write("k/longer", "v").await;
    store.write("j", "v").await;
    assert_eq!(store.read("k").await, None);
}

pub(super) async fn a_written_key_reads_back(store: Subject) {
    let version = store.commit(Txn::new().when("k", Test::Absent).put("k", "v")).await;
    assert!(version > Version::ZERO);
    let entry = store.read("k").await.expect("the key was just created");
    assert_eq!((entry.key.as_str(), &entry.value[..]), ("k", &b"v"[..]));
    assert_eq!((entry.version, entry.created), (version, version));
}

pub(super) async fn a_second_create_conflicts(store: Subject) {
    store.commit(Txn::new().when("k", Test::Absent).put("k", "first")).await;
    let (condition, _) = store.refusal(Txn::new().when("k", Test::Absent).put("k", "second")).await;
    assert_eq!(condition, 0);
    assert_eq!(store.value("k").await, "first");
}

pub(super) async fn stale_version_conflicts(store: Subject) {
    let stale = store.write("k", "1").await;
    store.write("k", "2").await;
    store.refusal(Txn::new().when("k", Test::Version(stale)).put("k", "3")).await;
    assert_eq!(store.value("k").await, "2");
    store.remove("k").await;
    store.refusal(Txn::new().when("k", Test::Version(stale)).put("k", "3")).await;
    assert!(!store.has("k").await, "a version of a deleted key brings it back");
}

pub(super) async fn a_current_version_swaps(store: Subject) {
    let first = store.write("k", "1").await;
    store.write("other", "x").await;
    let second = store.commit(Txn::new().when("k", Test::Version(first)).put("k", "2")).await;
    assert!(second > first);
    assert_eq!(store.value("k").await, "2");
}

pub(super) async fn a_write_keeps_the_creation_version(store: Subject) {
    let created = store.write("k", "1").await;
    let version = store.write("k", "2").await;
    let entry = store.read("k").await.expect("the key was written");
    assert_eq!((entry.created, entry.version), (created, version));
}

pub(super) async fn a_creation_version_passes_however_often_it_was_written(store: Subject) {
    let created = store.write("k", "1").await;
    let written = store.write("k", "2").await;
    store.commit(Txn::new().when("k", Test::Created(created)).put("k", "3")).await;
    store.refusal(Txn::new().when("k", Test::Created(written)).put("k", "4")).await;
    assert_eq!(store.value("k").await, "3");
}

pub(super) async fn a_recreated_key_is_a_new_creation(store: Subject) {
    let first = store.write("k", "1").await;
    store.remove("k").await;
    let second = store.write("k", "1").await;
    let entry = store.read("k").await.expect("the key was written");
    assert_eq!((entry.created, entry.version), (second, second));
    store.refusal(Txn::new().when("k", Test::Created(first)).put("k", "2")).await;
}

pub(super) async fn presence_passes_in_any_version(store: Subject) {
    store.refusal(Txn::new().when("k", Test::Present).put("k", "0")).await;
    assert!(!store.has("k").await);
    store.write("k", "1").await;
    store.commit(Txn::new().when("k", Test::Present).put("k", "2")).await;
    store.commit(Txn::new().when("k", Test::Present).delete("k")).await;
    store.refusal(Txn::new().when("k", Test::Present).put("k", "3")).await;
}

pub(super) async fn versions_increase_over_deletes(store: Subject) {
    let mut last = Version::ZERO;
    for round in 0..4 {
        for key in ["a", "b"] {
            for version in [store.write(key, "v").await, store.remove(key).await] {
                assert!(version > last, "round {round}: {key:?} in version {version} after {last}");
                last = version;
            }
        }
    }
}

pub(super) async fn writing_the_same_value_is_a_commit(store: Subject) {
    let first = store.write("k", "v").await;
    let mut watch = store.observe("k", Some(first)).await;
    let second = store.write("k", "v").await;
    assert!(second > first);
    assert_eq!(store.read("k").await.map(|entry| entry.version), Some(second));
    assert_eq!(watch.put().await.version, second);
}

pub(super) async fn an_empty_value_is_not_absence(store: Subject) {
    store.write("k", Bytes::new()).await;
    let entry = store.read("k").await.expect("an empty value is a value");
    assert!(entry.value.is_empty());
    store.refusal(Txn::new().when("k", Test::Absent).put("k", "v")).await;
}

pub(super) async fn any_bytes_are_a_value(store: Subject) {
    let bytes: Vec<u8> = (0..=u8::MAX).rev().chain([0, 0xff, 0xfe, b'\r', b'\n', 0]).collect();
    store.write("k", bytes.clone()).await;
    assert_eq!(store.value("k").await, bytes);
}

pub(super) async fn keys_that_look_alike_are_distinct(store: Subject) {
    // In one case and the other, composed and not, with blanks, a NUL and a slash more.
    let alike = ["é", "e\u{301}", "E", "e", " e", "e ", "e\0", "e\0e", "e/", "/e", "e//", "É"];
    for key in alike {
        store.commit(Txn::new().when(key, Test::Absent).put(key, key)).await;
    }
    for key in alike {
        assert_eq!(store.value(key).await, key);
    }
}

pub(super) async fn deleting_an_absent_key_changes_nothing(store: Subject) {
    let last = store.write("a", "v").await;
    let mut watch = store.observe("", Some(last)).await;
    assert!(store.remove("absent").await >= last);
    store.write("end", "").await;
    assert_eq!(watch.until("end").await, Vec::<Change>::new());
    assert_eq!(store.read("a").await.map(|entry| entry.version), Some(last));
}

pub(super) async fn compare_and_swap_has_three_outcomes(store: Subject) {
    let swap = async |next: &str, expected: Option<&[u8]>| {
        let answer = store.compare_and_swap("k", Bytes::copy_from_slice(next.as_bytes()), expected).await;
        answer.expect("the store answers")
    };
    assert_eq!(swap("1", Some(b"0")).await, Swap::Missing);
    assert!(!store.has("k").await);
    assert!(matches!(swap("1", None).await, Swap::Swapped { .. }));
    let Swap::Differs { found } = swap("2", Some(b"0")).await else {
        panic!("another value was swapped");
    };
    assert_eq!(found.value, "1");
    assert!(matches!(swap("2", None).await, Swap::Differs { .. }), "a present key passed for absent");
    assert_eq!(store.value("k").await, "1");
    let Swap::Swapped { version } = swap("2", Some(b"1")).await else {
        panic!("the expected value was not swapped");
    };
    assert_eq!(store.read("k").await.map(|entry| (entry.value, entry.version)), Some(("2".into(), version)));
}
