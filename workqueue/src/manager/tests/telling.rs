//! How often a source that is used up is listed, and that nobody leaves it in the middle of a call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, sleep};

use crate::{
    Finish, ItemData, ItemName, Listing, Outcome, SourceResult, WorkQueue, WorkQueueOptions, WorkSource,
    manager::tests::site::{Running, Shelf, Site},
    worker_fn,
};

/// Works on forty at a time of a source that has another for each that is done; how many it was
/// listed, and in how many seconds, when so many were told.
async fn listed(pause: Duration, told: usize) -> (u64, u64) {
    let site = Site::used_up(0..40);
    site.shelf.is_incomplete.store(true, Ordering::Relaxed);
    let (shelf, clock) = (Arc::clone(&site.shelf), Arc::clone(&site.clock));
    let manager = site.manager(WorkQueueOptions::new().with_parallelism(1), move |item, _| {
        let next = item.id().as_str().parse::<u32>().unwrap() + 40;
        shelf.names.lock().unwrap().push(next.to_string());
        let clock = Arc::clone(&clock);
        async move {
            sleep(&*clock, pause).await;
            Outcome::Done
        }
    });
    let running = Running::start(&site, &manager);
    let began = site.clock.now();
    site.until("enough are told", async || site.told().len() >= told).await;
    let seconds = site.clock.now().since(began).as_secs();
    running.drain().await;
    (site.shelf.listings.load(Ordering::Relaxed), seconds)
}

#[tokio::test(start_paused = true)]
async fn a_source_that_lets_go_of_little_is_not_listed_more_than_once_a_second() {
    let (listings, seconds) = listed(Duration::from_millis(300), 60).await;
    assert!(listings <= seconds + 2, "{listings} listings in {seconds} s");
    assert!(seconds < 60, "room for more was not used: {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_lets_go_of_much_is_listed_at_once() {
    let (_, seconds) = listed(Duration::ZERO, 2_000).await;
    assert!(seconds < 20, "{seconds} s for fifty times what is listed");
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_a_source_hear_to_the_end_what_it_is_being_told() {
    let site = Site::used_up(["a"]);
    let slow = Slow { shelf: Arc::clone(&site.shelf), clock: Arc::clone(&site.clock), calls: Arc::default() };
    let calls = Arc::clone(&slow.calls);
    let worker = worker_fn("done", |_, _| async { Outcome::Done });
    let manager = WorkQueue::new("site", slow, site.queue.clone(), worker);
    let running = Running::start(&site, &manager);
    site.until("it is being told", async || calls.load(Ordering::Relaxed) == 1).await;
    assert_eq!(site.told(), []);
    running.drain().await;
    assert_eq!(site.told(), [("a".to_owned(), Finish::Done)]);
    assert_eq!(calls.load(Ordering::Relaxed), 1, "a call was dropped, and made again");
    assert!(site.ledger().await.is_empty());
}

/// A source that takes three seconds to hear.
#[derive(Debug)]
struct Slow {
    shelf: Arc<Shelf>,
    clock: Arc<dyn Clock>,
    calls: Arc<AtomicU64>,
}

impl Describe for Slow {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.shelf.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl WorkSource for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.shelf.items().await
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        self.shelf.item(name).await
    }

    fn is_used_up(&self) -> bool {
        true
    }

    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        sleep(&*self.clock, Duration::from_secs(3)).await;
        self.shelf.finished(names, finish).await
    }
}
