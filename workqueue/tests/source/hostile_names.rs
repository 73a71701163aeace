//! Names that strangers choose.

use entourage_testkit::Scratch;
use entourage_workqueue::{DirSink, FromNames, ItemData, ItemName, Shape, WorkSource};

use crate::serving::{name, serve, texts};

const HOSTILE: &[&str] = &[
    "../etc/passwd",
    "..",
    ".",
    "/etc/passwd",
    "a/b",
    "a%2fb",
    "a%2Fb",
    "%00",
    "a b",
    "a+b",
    "a?b=c",
    "a#b",
    "é",
    "e\u{301}",
    "日本",
    "🦀",
    "a\u{202e}b",
    "\"quoted\"",
    "back\\slash",
    "-rf",
    "$(reboot)",
    "<script>",
    "items",
    "x;y",
    "100%",
    "~",
    ".hidden",
    "CON",
    "a\u{feff}",
];

#[tokio::test]
async fn every_name_comes_over_http_as_itself() {
    let served = serve(FromNames::from_iter(HOSTILE), Shape::Api).await;
    let source = served.source();
    let listing = source.items().await.unwrap();
    assert_eq!(texts(&listing), HOSTILE);
    for text in HOSTILE {
        let data = source.item(&name(text)).await.unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(data, Some(ItemData::of_name(&name(text))), "{text:?}");
    }
}

#[tokio::test]
async fn no_two_names_share_a_file_and_none_leaves_the_folder() {
    let scratch = Scratch::new();
    let folder = scratch.join("sink");
    std::fs::create_dir(&folder).unwrap();
    let sink = DirSink::new(&folder);
    for text in HOSTILE {
        let path = sink.write(&name(text), ItemData::of_name(&name(text))).await.unwrap();
        assert_eq!(path.parent(), Some(&*folder), "{text:?}");
    }
    for text in HOSTILE {
        let written = std::fs::read(folder.join(name(text).file_name())).unwrap();
        assert_eq!(written, ItemData::of_name(&name(text)).bytes()[..], "{text:?}");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), HOSTILE.len());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_names_nothing_is_skipped_and_counted() {
    let long = "x".repeat(4_096);
    let source = FromNames::from_iter(["a", "", "a\0b", &long, "b\r\n", "a", "b"]);
    let listing = source.items().await.unwrap();
    assert_eq!(texts(&listing), ["a", "b"]);
    assert_eq!((listing.skipped().count(), listing.duplicates()), (4, 1));
    assert!(listing.is_complete());
    let examples: Vec<&str> = listing.skipped().examples().iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(examples, ["", "a\\0b", &"x".repeat(64), "b\\r\\n"]);
    assert_eq!(source.counters().counter("names_skipped").value(), 4);
}

#[test]
fn names_beyond_the_limit_are_cut_and_said_to_be() {
    let mut listing = entourage_workqueue::Listing::builder().with_limit(2);
    let taken: Vec<bool> = ["a", "b", "a", "c"].into_iter().map(|text| listing.offer(text)).collect();
    assert_eq!(taken, [true, true, true, false]);
    let listing = listing.build();
    assert_eq!((texts(&listing), listing.is_complete()), (vec!["a", "b"], false));
}

#[test]
fn a_name_is_the_id_of_a_queues_item() {
    let id = entourage_queue::ItemId::from(&ItemName::new("a/b").unwrap());
    assert_eq!(id.as_str(), "a/b");
}
