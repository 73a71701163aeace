//! Many keys at once: in order, within bounds, as of one version.

use std::sync::Arc;

use super::subject::Subject;
use crate::{Error, Order, Store, Txn, Version, What};

/// In the order of their bytes, which is not that of UTF-16, of a dictionary or of folded case.
const ORDERED: [&str; 10] = ["\u{1}", "A", "Z", "a", "a\0", "a/", "ab", "é", "\u{ffff}", "\u{10000}"];

pub(super) async fn a_listing_is_ordered_by_the_bytes_of_its_keys(store: Subject) {
    for key in [3, 9, 0, 5, 8, 1, 7, 2, 6, 4].map(|place: usize| ORDERED[place]) {
        store.write(key, key).await;
    }
    assert_eq!(store.keys(What::prefix("")).await, ORDERED);
}

pub(super) async fn a_listing_is_ordered_by_creation(store: Subject) {
    for key in ["c", "a", "d"] {
        store.write(key, "1").await;
    }
    store.commit(Txn::new().put("z", "1").put("b", "1").put("y", "1")).await;
    store.write("c", "2").await;
    store.remove("a").await;
    store.write("a", "again").await;
    let oldest_first = ["c", "d", "b", "y", "z", "a"];
    assert_eq!(store.keys(What::prefix("").ordered(Order::Created)).await, oldest_first);
    let mut youngest_first = oldest_first;
    youngest_first.reverse();
    let descending = What::prefix("").ordered(Order::CreatedDescending);
    assert_eq!(store.keys(descending.clone()).await, youngest_first);
    assert_eq!(store.keys(descending.limit(2)).await, ["a", "z"]);
    assert_eq!(store.keys(What::prefix("").ordered(Order::Created).limit(3)).await, ["c", "d", "b"]);
}

pub(super) async fn a_prefix_is_every_key_that_begins_with_it(store: Subject) {
    for key in ["a", "a!", "a/", "a/b", "a/b/c", "a0", "ab", "b", "b/a/"] {
        store.write(key, "v").await;
    }
    assert_eq!(store.keys(What::prefix("a/")).await, ["a/", "a/b", "a/b/c"]);
    assert_eq!(store.keys(What::prefix("a")).await, ["a", "a!", "a/", "a/b", "a/b/c", "a0", "ab"]);
    assert_eq!(store.keys(What::prefix("a/b/c/")).await, Vec::<String>::new());
    assert_eq!(store.keys(What::prefix("")).await.len(), 9);
}

pub(super) async fn a_prefix_is_not_a_pattern(store: Subject) {
    let keys = ["%x", "*x", "?x", "A_x", "Axx", "[a]x", "\\x", "a_x", "axx", "ax%"];
    for key in keys {
        store.write(key, "v").await;
    }
    for (prefix, found) in
        [("%", "%x"), ("*", "*x"), ("?", "?x"), ("[a]", "[a]x"), ("a_", "a_x"), ("\\", "\\x")]
    {
        assert_eq!(store.keys(What::prefix(prefix)).await, [found], "{prefix:?}");
    }
}

pub(super) async fn a_prefix_may_end_in_any_character(store: Subject) {
    // After the last character of each width of UTF-8, and after the last one of all, the
    // next prefix is not the next byte; the surrogates leave a hole.
    let lasts = ["\u{7f}", "\u{7ff}", "\u{d7ff}", "\u{ffff}", "\u{10ffff}", "\u{10ffff}\u{10ffff}"];
    for last in lasts {
        for tail in ["", "\u{1}", "\u{10ffff}"] {
            store.write(&format!("a{last}{tail}"), "v").await;
        }
    }
    store.write("b", "v").await;
    for last in lasts {
        let prefix = format!("a{last}");
        let found = store.keys(What::prefix(prefix.clone())).await;
        let all = store.keys(What::prefix("")).await;
        let expected: Vec<_> = all.into_iter().filter(|key| key.starts_with(&prefix)).collect();
        assert_eq!(found, expected, "{prefix:?}");
        assert!(found.len() >= 3, "{prefix:?}");
    }
}

pub(super) async fn one_key_is_listed_alone(store: Subject) {
    for key in ["a", "a/b", "ab"] {
        store.write(key, "v").await;
    }
    let listing = store.listing(What::key("a")).await;
    assert_eq!(listing.entries, store.read("a").await.into_iter().collect::<Vec<_>>());
    assert!(!listing.more);
    assert!(store.listing(What::key("a/")).await.entries.is_empty());
}

pub(super) async fn a_limit_cuts_a_listing_and_says_so(store: Subject) {
    for key in ["p/1", "p/2", "p/3", "q"] {
        store.write(key, "v").await;
    }
    for (limit, count, more) in [(1, 1, true), (2, 2, true), (3, 3, false), (4, 3, false)] {
        let listing = store.listing(What::prefix("p/").limit(limit)).await;
        assert_eq!((listing.entries.len(), listing.more), (count, more), "limit {limit}");
    }
    let ceiling = store.read("p/3").await.map_or(Version::ZERO, |entry| entry.created);
    let below = What::prefix("p/").created_below(ceiling).limit(2);
    assert!(!store.listing(below).await.more, "an entry that is not asked for counts as more");
}

pub(super) async fn pages_follow_each_other_without_a_gap(store: Subject) {
    for key in ORDERED {
        store.write(&format!("p/{key}"), "v").await;
    }
    store.write("q", "v").await;
    let (mut what, mut found) = (What::prefix("p/").limit(3), Vec::new());
    loop {
        let page = store.listing(what.clone()).await;
        let last = page.entries.last().map(|entry| entry.key.clone());
        found.extend(page.entries.into_iter().map(|entry| entry.key));
        match last {
            Some(last) if page.more => what = what.after(last),
            _ => break,
        }
    }
    assert_eq!(found, ORDERED.map(|key| format!("p/{key}")));
    assert_eq!(store.keys(What::prefix("p/").after("p/\u{10000}")).await, Vec::<String>::new());
    let between = store.keys(What::prefix("p/").after("p/aa").limit(1)).await;
    assert_eq!(between, ["p/ab"], "a page begins after a key that need not be there");
}

pub(super) async fn created_below_leaves_out_later_creations(store: Subject) {
    store.write("a", "1").await;
    let second = store.write("b", "1").await;
    let third = store.write("c", "1").await;
    store.write("a", "2").await;
    assert_eq!(store.keys(What::prefix("").created_below(second)).await, ["a"]);
    assert_eq!(store.keys(What::prefix("").created_below(third)).await, ["a", "b"]);
    let latest = What::prefix("").ordered(Order::CreatedDescending).created_below(third).limit(1);
    assert_eq!(store.keys(latest).await, ["b"], "whom a waiter waits for");
}

pub(super) async fn a_page_in_another_order_is_refused(store: Subject) {
    store.write("a", "1").await;
    for order in [Order::Created, Order::CreatedDescending] {
        let answer = store.list(&What::prefix("").ordered(order).after("a")).await;
        assert!(matches!(answer, Err(Error::Invalid(_))), "{order:?}: {answer:?}");
    }
}

pub(super) async fn a_listing_tells_the_version_at_which_it_stood(store: Subject) {
    let before = store.listing(What::prefix("p/")).await.as_of;
    let first = store.write("p/a", "1").await;
    assert!(before < first, "an empty listing as of {before}, though {first} came later");
    let second = store.write("elsewhere", "1").await;
    store.assert_latest(store.listing(What::prefix("p/")).await.as_of, second);
    let third = store.remove("p/a").await;
    let listing = store.listing(What::prefix("p/")).await;
    store.assert_latest(listing.as_of, third);
    assert_eq!(listing.entries, []);
}

pub(super) async fn a_listing_is_never_torn(store: Subject) {
    store.commit(Txn::new().put("left", "0").put("right", "0")).await;
    let writer: Arc<dyn Store> = store.store();
    let writing = tokio::spawn(async move {
        for round in 1..100_u32 {
            let value = round.to_string();
            let txn = Txn::new().put("left", value.clone()).put("right", value);
            writer.transact(txn).await.expect("the store answers").applied().expect("nothing is demanded");
            tokio::task::yield_now().await;
        }
    });
    while !writing.is_finished() {
        let listing = store.listing(What::prefix("")).await;
        assert_eq!(listing.entries[0].version, listing.entries[1].version, "{listing:?}");
        assert!(listing.entries[0].version <= listing.as_of, "{listing:?}");
        tokio::task::yield_now().await;
    }
    writing.await.expect("the writer succeeds");
}

pub(super) async fn what_follows_a_listing_is_watched_without_a_gap(store: Subject) {
    store.write("p/before", "1").await;
    let listing = store.listing(What::prefix("p/")).await;
    let next = store.write("p/after", "1").await;
    let gone = store.remove("p/before").await;
    let mut watch = store.observe("p/", Some(listing.as_of)).await;
    let entry = watch.put().await;
    assert_eq!((entry.key.as_str(), entry.version), ("p/after", next));
    assert_eq!(watch.delete().await, ("p/before".to_owned(), gone));
}
