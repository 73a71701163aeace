//! Limits: what the capabilities allow is taken, and one more is refused whole.

use super::subject::Subject;
use crate::{Capabilities, Error, Test, Txn, Version, What};

fn assert_too_large(error: &Error, allowed: usize) {
    let (more, allowed) = (allowed as u64 + 1, allowed as u64);
    let fits = matches!(error, Error::TooLarge { given, limit, .. } if (*given, *limit) == (more, allowed));
    assert!(fits, "one more than {allowed} ended in {error:?}");
}

/// So many writes, which fit into one listing, of which the first deletes `first`.
fn writes(count: usize) -> Txn {
    (1..count).fold(Txn::new().delete("first"), |txn, number| txn.put(format!("k/{number}"), ""))
}

pub(super) async fn as_many_writes_as_allowed_apply_and_one_more_is_refused(store: Subject) {
    let limit = store.capabilities().max_operations;
    store.write("first", "").await;
    assert_too_large(&store.error(writes(limit + 1)).await, limit);
    assert_eq!(store.keys(What::prefix("")).await, ["first"]);
    store.commit(writes(limit)).await;
    assert!(!store.has("first").await);
    let written = store.listing(What::prefix("k/")).await;
    assert_eq!((written.entries.len(), written.more), (limit - 1, false));
}

pub(super) async fn conditions_count_as_operations(store: Subject) {
    let limit = store.capabilities().max_operations;
    let start = store.write("first", "").await;
    let conditions = |count| (0..count).fold(Txn::new(), |txn, _| txn.when("first", Test::Version(start)));
    assert_too_large(&store.error(conditions(limit).delete("first")).await, limit);
    assert!(store.has("first").await);
    store.commit(conditions(limit - 1).delete("first")).await;
}

pub(super) async fn a_value_as_long_as_allowed_fits_and_one_byte_more_is_refused(store: Subject) {
    let limit = store.capabilities().max_value_bytes;
    let error = store.error(Txn::new().put("other", "").put("k", vec![7; limit + 1])).await;
    assert_too_large(&error, limit);
    assert!(!store.has("k").await && !store.has("other").await);
    store.write("k", vec![7; limit]).await;
    assert_eq!(store.value("k").await, vec![7; limit]);
}

pub(super) async fn a_key_as_long_as_allowed_fits_and_one_byte_more_is_refused(store: Subject) {
    let limit = Capabilities::MAX_KEY_BYTES;
    // Two bytes a character: bytes are counted.
    let (longest, longer) = ("é".repeat(limit / 2), "é".repeat(limit / 2) + "a");
    let error = store.error(Txn::new().put("other", "").put(&longer, "v")).await;
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    let error = store.error(Txn::new().when(&longer, Test::Absent).put("other", "")).await;
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    assert!(!store.has("other").await);
    store.write(&longest, "v").await;
    assert_eq!(store.keys(What::prefix("é")).await, [longest]);
}

pub(super) async fn an_empty_key_is_refused(store: Subject) {
    for txn in [Txn::new().put("", "v"), Txn::new().delete(""), Txn::new().when("", Test::Absent)] {
        let error = store.error(txn.put("other", "v")).await;
        assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    }
    assert!(!store.has("other").await);
}

pub(super) async fn a_listing_holds_no_more_than_its_maximum(store: Subject) {
    let (limit, at_once) = (Capabilities::MAX_LISTING, store.capabilities().max_operations);
    let numbers: Vec<usize> = (0..=limit).collect();
    for chunk in numbers.chunks(at_once) {
        let txn = chunk.iter().fold(Txn::new(), |txn, number| txn.put(format!("p/{number:06}"), ""));
        assert!(store.commit(txn).await > Version::ZERO);
    }
    for what in [What::prefix("p/"), What::prefix("p/").limit(usize::MAX)] {
        let listing = store.listing(what).await;
        assert_eq!((listing.entries.len(), listing.more), (limit, true));
    }
    let rest = store.listing(What::prefix("p/").after(format!("p/{:06}", limit - 1))).await;
    assert_eq!((rest.entries.len(), rest.more), (1, false));
}
