//! A source whose items are used up is told which are finished: once that is recorded, and until it hears.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_queue::{Ask, Queue, SubscribeOptions};

use crate::{
    Finish, Health, ItemData, ItemName, Listing, Outcome, SourceError, SourceResult, WorkQueue,
    WorkQueueOptions, WorkSource,
    manager::tests::{
        faults::AwayQueue,
        site::{Running, Shelf, Site},
    },
    worker_fn,
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

fn all_done(names: &[&str]) -> Vec<(String, Finish)> {
    names.iter().map(|name| ((*name).to_owned(), Finish::Done)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_used_up_is_worked_off_once_and_leaves_neither_item_nor_record() {
    let site = Site::used_up(0..3_000);
    let manager = site.diligent(WorkQueueOptions::new().with_parallelism(8));
    let running = Running::start(&site, &manager);
    site.until("all are told", async || site.told().len() >= 3_000).await;
    site.until("the ledger is empty", async || site.ledger().await.is_empty()).await;
    site.shelf.set(["again"]);
    site.shelf.vanished.lock().unwrap().clear();
    site.until("the next is told", async || site.told().len() > 3_000).await;
    site.until("nothing is known", async || manager.status().known == 0).await;
    running.drain().await;
    assert!(site.shelf.names.lock().unwrap().is_empty());
    assert_eq!(site.told().len(), 3_001, "one was told twice");
    assert_eq!(site.begun().len(), 3_001);
    assert!(site.begun().values().all(|times| *times == 1), "one was worked on twice");
    assert!(site.ledger().await.is_empty());
    assert_eq!(manager.counters().counter("items_let_go_total").value(), 3_001);
    assert_eq!(manager.counters().counter("items_untold").value(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_source_is_told_nothing_before_it_is_recorded() {
    let site = Site::used_up(["a"]);
    let away = Arc::new(AtomicBool::new(false));
    let queue = AwayQueue { inner: site.queue.clone(), away: Arc::clone(&away) };
    let goes = Arc::clone(&away);
    let manager = site.manager_on(queue, WorkQueueOptions::new(), move |_, _| {
        goes.store(true, Ordering::Relaxed);
        async { Outcome::Done }
    });
    let running = Running::start(&site, &manager);
    site.until("it is worked on", async || away.load(Ordering::Relaxed)).await;
    site.pass(MINUTE).await;
    assert_eq!(site.ledger().await.get("a").map(String::as_str), Some("open"));
    assert_eq!(site.told(), [], "it was told what is not recorded");
    away.store(false, Ordering::Relaxed);
    site.until("it is told", async || site.told() == all_done(&["a"])).await;
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_takes_no_word_ends_nothing_and_is_told_again() {
    let site = Site::used_up(0..100);
    site.shelf.is_deaf.store(true, Ordering::Relaxed);
    let manager = site.diligent(WorkQueueOptions::new().with_parallelism(4));
    let running = Running::start(&site, &manager);
    site.until_done(100).await;
    site.pass(HOUR).await;
    let status = manager.status();
    assert!(
        matches!(&status.finishing, Health::Down { tries, why, .. } if *tries > 10 && why.ends_with("deaf")),
        "{status:?}"
    );
    assert!(status.is_ready(), "it takes work all the same: {status:?}");
    assert_eq!(manager.counters().counter("items_untold").value(), 100);
    // It takes its time, beside all else, before it hears.
    site.shelf.is_mute.store(true, Ordering::Relaxed);
    site.shelf.set(0..150);
    site.until_done(150).await;
    assert!(!manager.status().finishing.is_up());
    site.shelf.is_mute.store(false, Ordering::Relaxed);
    site.shelf.is_deaf.store(false, Ordering::Relaxed);
    site.until("all are told", async || site.told().len() >= 150).await;
    site.until("it is well", async || manager.status().finishing.is_up()).await;
    running.drain().await;
    assert!(site.begun().values().all(|times| *times == 1), "one was worked on twice");
    assert!(site.ledger().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_by_a_manager_that_died_is_told_by_the_next() {
    let site = Site::used_up(["a", "b"]);
    site.shelf.is_deaf.store(true, Ordering::Relaxed);
    let first = Running::start(&site, &site.diligent(WorkQueueOptions::new()));
    site.until_done(2).await;
    first.task.abort();
    site.shelf.is_deaf.store(false, Ordering::Relaxed);
    // And one of which the source has heard, but nobody has forgotten it.
    site.shelf.set(["b"]);
    let second = Running::start(&site, &site.diligent(WorkQueueOptions::new()));
    site.until("both are told", async || site.told().len() == 2).await;
    site.until("both are forgotten", async || site.ledger().await.is_empty()).await;
    second.drain().await;
    assert_eq!(site.begun(), [("a".to_owned(), 1), ("b".to_owned(), 1)].into());
}

#[tokio::test(start_paused = true)]
async fn what_another_manager_recorded_and_did_not_tell_is_told_by_who_lists_it() {
    let site = Site::used_up(0..300);
    let onlooker = site.diligent(WorkQueueOptions::new());
    onlooker.pause();
    let looking = Running::start(&site, &onlooker);
    site.until("all are published", async || site.stats().await.ready == 300).await;
    let worker = worker_fn("done", |_, _| async { Outcome::Done });
    let deaf = WorkQueue::new("site", Deaf(Arc::clone(&site.shelf)), site.queue.clone(), worker);
    let working = Running::start(&site, &deaf);
    site.until_done(300).await;
    working.task.abort();
    let began = site.clock.now();
    site.until("all are told", async || site.told().len() == 300).await;
    let took = site.clock.now().since(began);
    assert!(took < MINUTE * 9, "it waited until the ledger was read anew: {took:?}");
    site.until("all are forgotten", async || site.ledger().await.is_empty()).await;
    looking.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_source_keeps_though_it_was_told_is_remembered_and_not_worked_on_again() {
    let site = Site::used_up(["a"]);
    site.shelf.is_holding.store(true, Ordering::Relaxed);
    let manager = site.diligent(WorkQueueOptions::new());
    let running = Running::start(&site, &manager);
    site.until_done(1).await;
    for _ in 0..20 {
        // Listed again and again, or with others for a while.
        site.shelf.is_incomplete.store(true, Ordering::Relaxed);
        site.shelf.set::<&str>([]);
        site.pass(MINUTE * 3).await;
        site.shelf.set(["a"]);
        site.pass(MINUTE * 3).await;
    }
    assert_eq!(site.attempts("a").len(), 1, "it was forgotten, and worked on again");
    assert!(manager.counters().counter("items_kept_total").value() > 20);
    site.shelf.is_holding.store(false, Ordering::Relaxed);
    site.until("it is told and forgotten", async || site.ledger().await.is_empty()).await;
    assert_eq!(site.told(), all_done(&["a"]));
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_queue_gave_up_because_its_workers_died_is_told_as_dead() {
    let site = Site::used_up(["deadly", "good"]);
    let manager = site.diligent(WorkQueueOptions::new());
    manager.pause();
    let running = Running::start(&site, &manager);
    site.until("both are published", async || site.stats().await.ready == 2).await;
    let brief = SubscribeOptions::new().with_time_limit(Duration::from_secs(1)).with_delivery_limit(1);
    let joined = site.queue.subscribe(&["site".into()], &"site".into(), brief).await;
    let (mut receiver, _settler) = joined.unwrap();
    let held = receiver.receive(Ask::up_to(1)).await.unwrap();
    site.until("its worker was silent for too long", async || site.stats().await.dead == 1).await;
    drop((held, receiver));
    site.until("it is told", async || site.told() == [("deadly".to_owned(), Finish::Dead)]).await;
    manager.resume();
    site.until("all is forgotten", async || site.ledger().await.is_empty()).await;
    running.drain().await;
    assert_eq!(site.begun(), [("good".to_owned(), 1)].into());
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_ends_tells_what_is_left() {
    let site = Site::used_up(0..20);
    site.shelf.is_deaf.store(true, Ordering::Relaxed);
    let running = Running::start(&site, &site.diligent(WorkQueueOptions::new()));
    site.until_done(20).await;
    site.pass(HOUR).await;
    site.shelf.is_deaf.store(false, Ordering::Relaxed);
    // No time goes by until the next try, and there is none.
    running.drain().await;
    assert_eq!(site.told().len(), 20);
    assert!(site.ledger().await.is_empty(), "it was told after the ledger was closed");
}

#[tokio::test(start_paused = true)]
async fn a_source_whose_items_are_not_used_up_is_told_nothing() {
    let site = Site::of(0..10);
    let running = Running::start(&site, &site.diligent(WorkQueueOptions::new()));
    site.until_done(10).await;
    site.pass(HOUR).await;
    running.drain().await;
    assert_eq!(site.told(), []);
    assert_eq!(site.ledger().await.len(), 10);
}

/// A source that nobody can tell anything.
#[derive(Debug)]
struct Deaf(Arc<Shelf>);

impl Describe for Deaf {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.0.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl WorkSource for Deaf {
    fn name(&self) -> &str {
        "deaf"
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.0.items().await
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        self.0.item(name).await
    }

    fn is_used_up(&self) -> bool {
        true
    }

    async fn finished(&self, _: &[ItemName], _: Finish) -> SourceResult<Vec<ItemName>> {
        Err(SourceError::Unavailable { what: "it".to_owned(), source: "it is deaf".into() })
    }
}
