//! Sources that are used up: who forwards what is finished, and items of iterators and streams.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use entourage_blueprint::Blueprint;
use entourage_core::{PausedClock, Shutdown};
use entourage_queue::{MemoryQueue, Queue};
use entourage_testkit::eventually_async;
use entourage_workqueue::{
    Filter, Finish, FromItems, FromNames, ItemData, ItemName, Merger, Outcome, SourceError, SourceServer,
    WorkQueue, WorkQueueOptions, WorkSource, worker_fn,
};

use crate::serving::{PATIENCE, name, patiently, texts};

fn names(texts: &[&str]) -> Vec<ItemName> {
    texts.iter().map(|text| name(text)).collect()
}

/// A source of these, each with itself as data.
fn items(texts: &'static [&'static str]) -> FromItems {
    FromItems::new(texts.iter().map(|text| (*text, *text)))
}

#[tokio::test]
async fn an_iterator_is_pulled_only_as_far_as_there_is_room() {
    let pulled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pulled);
    let endless = (0_u64..).map(move |number| {
        count.fetch_add(1, Ordering::Relaxed);
        (number.to_string(), format!("[{number}]"))
    });
    let source = FromItems::new(endless).with_limit(3);
    for _ in 0..3 {
        let listing = source.items().await.unwrap();
        assert_eq!((texts(&listing), listing.is_complete()), (vec!["0", "1", "2"], false));
    }
    assert_eq!(pulled.load(Ordering::Relaxed), 3);
    assert_eq!(source.item(&name("1")).await.unwrap().unwrap().bytes(), "[1]");
    assert_eq!(source.item(&name("3")).await.unwrap(), None);
    assert_eq!(source.finished(&names(&["1", "7"]), Finish::Done).await.unwrap(), []);
    assert_eq!(source.finished(&names(&["1"]), Finish::Dead).await.unwrap(), []);
    assert_eq!(source.item(&name("1")).await.unwrap(), None, "what is finished is there");
    assert_eq!(texts(&source.items().await.unwrap()), ["0", "2", "3"]);
    assert_eq!(Blueprint::of(&SourceServer::new(source.clone())).check(), []);
    assert_eq!(source.counters().counter("items_finished_total").value(), 3);
}

#[tokio::test]
async fn what_an_iterator_gives_that_is_no_item_is_skipped_and_large_data_is_refused() {
    let large = "x".repeat(ItemData::MAX_BYTES + 1);
    let long = "x".repeat(4_096);
    let all = vec![("a", "1"), ("", "2"), ("b\0", "3"), (&*long, "4"), ("a", "5"), ("large", &*large)];
    let all: Vec<_> = all.into_iter().map(|(name, data)| (name.to_owned(), data.to_owned())).collect();
    let source = FromItems::new(all);
    let listing = source.items().await.unwrap();
    assert_eq!((texts(&listing), listing.is_complete()), (vec!["a", "large"], true));
    assert_eq!((listing.skipped().count(), listing.duplicates()), (3, 1));
    assert_eq!(source.item(&name("a")).await.unwrap().unwrap().bytes(), "1");
    assert!(matches!(source.item(&name("large")).await, Err(SourceError::TooLarge { .. })));
}

#[tokio::test]
async fn an_iterator_that_panics_is_asked_no_more_and_keeps_what_it_gave() {
    let bad = (0..5).map(|number| {
        assert!(number < 2, "no third");
        (number.to_string(), "")
    });
    let source = FromItems::new(bad);
    for _ in 0..2 {
        let listing = source.items().await.unwrap();
        assert_eq!(texts(&listing), ["0", "1"]);
        assert_eq!(listing.missing()[0].reason, "what they come from panicked; there is nothing more");
    }
}

/// A stream of what is put in, until it is closed.
#[derive(Clone, Default)]
struct Tap(Arc<Mutex<(Vec<u32>, bool)>>);

impl futures_core::Stream for Tap {
    type Item = (String, String);

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inside = self.0.lock().unwrap();
        match inside.0.pop() {
            Some(number) => Poll::Ready(Some((number.to_string(), String::new()))),
            None if inside.1 => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_stream_that_has_nothing_now_keeps_nobody_waiting() {
    let tap = Tap::default();
    let source = FromItems::from_stream(tap.clone());
    let listing = patiently(source.items()).await.unwrap();
    assert_eq!((listing.names().len(), listing.is_complete()), (0, false));
    tap.0.lock().unwrap().0.extend([2, 1]);
    assert_eq!(texts(&source.items().await.unwrap()), ["1", "2"]);
    tap.0.lock().unwrap().1 = true;
    assert!(source.items().await.unwrap().is_complete());
}

#[tokio::test]
async fn a_filter_tells_only_of_what_it_lets_through() {
    let all = items(&["a", "b"]);
    let filter = Filter::new(all.clone(), |name| name.as_str() == "a");
    assert!(filter.is_used_up());
    assert_eq!(texts(&filter.items().await.unwrap()), ["a"]);
    assert_eq!(filter.finished(&names(&["a", "b"]), Finish::Done).await.unwrap(), []);
    assert_eq!(texts(&all.items().await.unwrap()), ["b"]);
    assert!(!Filter::new(FromNames::from_iter(["a"]), |_| true).is_used_up());
}

#[tokio::test]
async fn a_merger_tells_each_source_of_its_own_and_keeps_what_one_that_fails_may_have() {
    let (left, right) = (items(&["1", "2"]), items(&["1", "2"]));
    let merger = Merger::new("all")
        .with("left", left.clone())
        .and_then(|merger| merger.with("right", Arc::new(right.clone())))
        .and_then(|merger| merger.with("names", FromNames::from_iter(["1"])))
        .and_then(|merger| merger.with("mute", Unhearing))
        .unwrap()
        .with_clock(Arc::new(PausedClock::new()))
        .with_time_limit(Duration::from_secs(1));
    merger.items().await.unwrap();
    tokio::time::pause();
    let told = names(&["left/1", "right/2", "names/1", "mute/1", "unknown/1", "1"]);
    assert_eq!(patiently(merger.finished(&told, Finish::Done)).await.unwrap(), names(&["mute/1"]));
    assert_eq!(texts(&left.items().await.unwrap()), ["2"]);
    assert_eq!(texts(&right.items().await.unwrap()), ["1"]);
    let only = merger.finished(&names(&["mute/1"]), Finish::Done).await;
    assert!(matches!(only, Err(SourceError::Unavailable { .. })), "{only:?}");
}

#[tokio::test]
async fn a_disjoint_merger_tells_whoever_has_it() {
    let (ours, theirs) = (items(&["a"]), items(&["b"]));
    let merger =
        Merger::new("all").with("ours", ours.clone()).unwrap().with("theirs", theirs.clone()).unwrap();
    let merger = merger.disjoint();
    merger.items().await.unwrap();
    assert_eq!(merger.finished(&names(&["b", "c"]), Finish::Done).await.unwrap(), []);
    assert_eq!(texts(&merger.items().await.unwrap()), ["a"]);
}

#[tokio::test]
async fn items_of_an_iterator_are_each_worked_on_once_however_seldom_it_is_listed() {
    let source = FromItems::new((0..1_000).map(|number| (number.to_string(), "")));
    let source = source.with_limit(50);
    let begun = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let log = Arc::clone(&begun);
    let worker = worker_fn("count", move |item, _| {
        *log.lock().unwrap().entry(item.id().to_string()).or_default() += 1;
        async { Outcome::Done }
    });
    let queue = MemoryQueue::new();
    // It is listed as soon as there is room, and not after an hour.
    let options = WorkQueueOptions::new().with_parallelism(8).with_interval(Duration::from_secs(60 * 60));
    let manager = WorkQueue::new("numbers", source.clone(), queue.clone(), worker).with_options(options);
    let shutdown = Shutdown::new();
    let running = tokio::spawn({
        let (manager, shutdown) = (manager.clone(), shutdown.clone());
        async move { manager.run(&shutdown).await }
    });
    let let_go = manager.counters().counter("items_let_go_total");
    eventually_async(PATIENCE, "all are let go of", async || (let_go.value() == 1_000).then_some(())).await;
    shutdown.drain();
    running.await.unwrap().unwrap();
    let listing = source.items().await.unwrap();
    assert_eq!((texts(&listing), listing.is_complete()), (vec![], true));
    assert!(queue.records(&"numbers".into(), "").await.unwrap().is_empty());
    let begun = begun.lock().unwrap();
    assert_eq!((begun.len(), begun.values().max()), (1_000, Some(&1)));
}

/// A source that never answers when it is told something.
#[derive(Debug)]
struct Unhearing;

impl entourage_blueprint::Describe for Unhearing {
    fn describe(&self, _: &mut Blueprint) {}
}

#[async_trait::async_trait]
impl WorkSource for Unhearing {
    fn name(&self) -> &str {
        "unhearing"
    }

    async fn items(&self) -> entourage_workqueue::SourceResult<entourage_workqueue::Listing> {
        Ok(entourage_workqueue::Listing::default())
    }

    async fn item(&self, _: &ItemName) -> entourage_workqueue::SourceResult<Option<ItemData>> {
        Ok(None)
    }

    fn is_used_up(&self) -> bool {
        true
    }

    async fn finished(&self, _: &[ItemName], _: Finish) -> entourage_workqueue::SourceResult<Vec<ItemName>> {
        std::future::pending().await
    }
}
