//! Several sources as one.

use std::{sync::Arc, time::Duration};

use entourage_core::PausedClock;
use entourage_workqueue::{FromNames, ItemData, Merger, Shape, SourceError, WorkSource};

use crate::serving::{Faulty, name, serve, texts};

fn of(names: &[&str]) -> FromNames {
    FromNames::from_iter(names)
}

#[tokio::test(start_paused = true)]
async fn one_source_that_fails_hides_no_other() {
    let merger = Merger::new("all")
        .with("bad", Faulty::Fails)
        .and_then(|merger| merger.with("good", of(&["1", "2"])))
        .and_then(|merger| merger.with("worse", Faulty::Panics))
        .and_then(|merger| merger.with("mute", Faulty::Hangs))
        .unwrap()
        .with_clock(Arc::new(PausedClock::new()))
        .with_time_limit(Duration::from_secs(5));
    let listing = merger.items().await.unwrap();
    assert_eq!(texts(&listing), ["good/1", "good/2"]);
    assert!(!listing.is_complete());
    let reasons: Vec<&str> = listing.missing().iter().map(|missing| missing.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "bad: faulty cannot be asked now; ask again later: on strike",
            "worse: faulty cannot be asked now; ask again later: it panicked when it was asked",
            "mute: faulty cannot be asked now; ask again later: no answer within 5s",
        ]
    );
    assert_eq!(merger.item(&name("good/1")).await.unwrap(), Some(ItemData::of_name(&name("1"))));
    assert!(merger.item(&name("bad/1")).await.is_err());
    assert_eq!(merger.item(&name("unknown/1")).await.unwrap(), None);
    assert_eq!(merger.item(&name("good")).await.unwrap(), None);
}

#[tokio::test]
async fn a_list_that_is_not_complete_says_so_over_http_too() {
    let merger = Merger::new("all").with("bad", Faulty::Fails).unwrap().with("good", of(&["1"])).unwrap();
    let served = serve(merger, Shape::Api).await;
    let (_, text) = served.get("/api/v1/items").await;
    let start = r#"{"kind":"ItemList","apiVersion":"v1","items":["good/1"],"missing":["#;
    assert!(text.starts_with(start), "{text}");
    let listing = served.source().items().await.unwrap();
    assert_eq!((texts(&listing), listing.is_complete()), (vec!["good/1"], false));
}

#[tokio::test]
async fn no_source_is_an_error_only_if_all_are() {
    let merger = Merger::new("all").with("a", Faulty::Fails).unwrap().with("b", Faulty::Fails).unwrap();
    assert!(matches!(merger.items().await, Err(SourceError::Unavailable { .. })));
    assert!(Merger::new("none").items().await.unwrap().is_complete());
}

#[tokio::test]
async fn a_large_source_comes_in_turns_with_a_small_one() {
    let large: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let merger = Merger::new("all")
        .with("large", FromNames::from_iter(&large))
        .unwrap()
        .with("small", of(&["1", "2"]))
        .unwrap();
    let listing = merger.items().await.unwrap();
    assert_eq!(texts(&listing)[..5], ["large/0", "small/1", "large/1", "small/2", "large/2"]);
    assert_eq!(listing.names().len(), 1_002);
}

#[tokio::test]
async fn disjoint_names_are_as_they_were_and_the_first_source_wins() {
    let theirs = of(&["b", "c"]).with_data(|_| ItemData::new("theirs").ok());
    let merger = Merger::new("all")
        .with("ours", of(&["a", "b"]))
        .unwrap()
        .with("bad", Faulty::Fails)
        .unwrap()
        .with("theirs", theirs)
        .unwrap()
        .disjoint();
    let listing = merger.items().await.unwrap();
    assert_eq!((texts(&listing), listing.duplicates()), (vec!["a", "b", "c"], 1));
    assert_eq!(merger.item(&name("b")).await.unwrap(), Some(ItemData::of_name(&name("b"))));
    assert_eq!(merger.item(&name("c")).await.unwrap().unwrap().bytes(), "theirs");
    // The one that failed may have it.
    assert!(merger.item(&name("d")).await.is_err());
}

#[test]
fn labels_cannot_be_taken_for_names() {
    for label in ["", "a/b", "a b", "é"] {
        assert!(matches!(Merger::new("m").with(label, of(&[])), Err(SourceError::Invalid(_))), "{label}");
    }
    let merger = Merger::new("m").with("a", of(&[])).unwrap();
    assert!(matches!(merger.with("a", of(&[])), Err(SourceError::Invalid(_))));
}

#[tokio::test]
async fn names_that_grow_too_long_are_skipped() {
    let long = "x".repeat(1_023);
    let merger = Merger::new("all").with("a", of(&[&long, "b"])).unwrap();
    let listing = merger.items().await.unwrap();
    assert_eq!((texts(&listing), listing.skipped().count()), (vec!["a/b"], 1));
}
