//! What is listed is done once, and remembered as long as it is listed.

use std::{sync::atomic::Ordering, time::Duration};

use entourage_core::{Clock, SystemClock};

use crate::{
    Outcome, WorkQueueOptions,
    manager::tests::site::{Running, Site},
};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test(start_paused = true)]
async fn two_managers_do_what_is_listed_once_and_share_it() {
    let site = Site::of(0..2_000);
    let options = WorkQueueOptions::new().with_parallelism(8);
    let slowly = |clock: std::sync::Arc<dyn Clock>| {
        move |_, _| {
            let clock = std::sync::Arc::clone(&clock);
            async move {
                entourage_core::sleep(&*clock, Duration::from_millis(10)).await;
                Outcome::Done
            }
        }
    };
    let managers = [0, 1].map(|_| site.manager(options, slowly(site.clock.clone())));
    let running = managers.each_ref().map(|manager| Running::start(&site, manager));
    site.until_done(2_000).await;
    for running in running {
        running.drain().await;
    }
    let begun = site.begun();
    assert_eq!(begun.len(), 2_000);
    assert!(begun.values().all(|times| *times == 1), "an item was done twice");
    for manager in &managers {
        let done = manager.counters().counter("attempts_done_total").value();
        assert!(done > 200, "one manager did {done} of 2,000 items");
    }
    let published =
        managers.each_ref().map(|manager| manager.counters().counter("items_published_total").value());
    assert_eq!(published.iter().sum::<u64>(), 2_000);
}

#[tokio::test(start_paused = true)]
async fn what_is_done_is_not_done_again_however_long_it_is_listed_and_whoever_lists_it() {
    let site = Site::of(["a", "b"]);
    let options = WorkQueueOptions::new().with_interval(HOUR);
    let first = Running::start(&site, &site.diligent(options));
    site.until_done(2).await;
    // Longer than any queue remembers an id.
    site.pass(HOUR * 50).await;
    first.drain().await;
    let second = Running::start(&site, &site.diligent(options));
    site.pass(HOUR * 3).await;
    second.drain().await;
    assert!(site.shelf.listings.load(Ordering::Relaxed) > 50);
    assert_eq!(site.begun(), [("a".to_owned(), 1), ("b".to_owned(), 1)].into());
}

#[tokio::test(start_paused = true)]
async fn an_item_is_forgotten_after_so_many_listings_without_it_and_no_sooner() {
    let site = Site::of(["stays", "goes"]);
    let manager = site.diligent(WorkQueueOptions::new().with_interval(HOUR).with_forget_after(3));
    let running = Running::start(&site, &manager);
    site.until_done(2).await;
    for _ in 0..5 {
        // Two listings without it, at most.
        site.shelf.set(["stays"]);
        site.pass(HOUR * 2 - HOUR / 3).await;
        site.shelf.set(["stays", "goes"]);
        site.pass(HOUR * 2).await;
    }
    assert_eq!(site.begun()["goes"], 1, "it was forgotten too soon, and done again");
    site.shelf.set(["stays"]);
    site.pass(HOUR * 5).await;
    assert_eq!(site.ledger().await, [("stays".to_owned(), "done".to_owned())].into());
    assert_eq!(manager.counters().counter("items_forgotten_total").value(), 1);
    site.shelf.set(["stays", "goes"]);
    site.until_done(2).await;
    assert_eq!(site.begun(), [("goes".to_owned(), 2), ("stays".to_owned(), 1)].into());
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_lacks_a_part_forgets_nothing() {
    let site = Site::of(["a"]);
    let manager = site.diligent(WorkQueueOptions::new().with_interval(HOUR).with_forget_after(1));
    let running = Running::start(&site, &manager);
    site.until_done(1).await;
    site.shelf.is_incomplete.store(true, Ordering::Relaxed);
    site.shelf.set(["b"]);
    site.pass(HOUR * 10).await;
    assert_eq!(site.ledger().await.len(), 2);
    assert!(manager.counters().counter("listings_incomplete_total").value() > 5);
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_listed_no_more_is_worked_on_all_the_same() {
    let site = Site::of(0..10);
    let manager = site.diligent(WorkQueueOptions::new().with_forget_after(1));
    manager.pause();
    let running = Running::start(&site, &manager);
    site.until("all are published", async || site.stats().await.ready == 10).await;
    site.shelf.set::<u8>([]);
    site.pass(HOUR).await;
    assert_eq!(site.ledger().await.len(), 10, "what is in the queue was forgotten");
    manager.resume();
    site.until("all are done and forgotten", async || site.ledger().await.is_empty()).await;
    assert_eq!(site.begun().len(), 10);
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_vanished_item_is_accepted_undone_and_worked_on_if_it_comes_back() {
    let site = Site::of(["here", "gone"]);
    site.shelf.vanished.lock().unwrap().insert("gone".to_owned());
    let manager = site.diligent(WorkQueueOptions::new());
    let running = Running::start(&site, &manager);
    site.until_done(1).await;
    let vanished = manager.counters().counter("items_vanished_total");
    site.until("it has vanished", async || vanished.value() > 0).await;
    let stats = site.stats().await;
    assert_eq!((stats.dead, site.begun().contains_key("gone")), (0, false));
    site.shelf.vanished.lock().unwrap().clear();
    site.until_done(2).await;
    assert_eq!(site.attempts("gone"), [1]);
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_waits_and_is_done_later() {
    let site = Site::of(0..1_000);
    let options = WorkQueueOptions::new().with_capacity(7).with_names(600);
    let manager = site.diligent(options.with_forget_after(1));
    let running = Running::start(&site, &manager);
    site.until_done(600).await;
    assert!(manager.counters().counter("names_beyond_limit_total").value() > 0);
    // The source takes away what is done, as it does in the book, and the rest has room.
    site.shelf.set(600..1_000);
    site.until("the rest is done", async || site.begun().len() == 1_000).await;
    assert!(site.begun().values().all(|times| *times == 1));
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_names_are_published_once_and_no_more() {
    let site = Site::of(0..100_000);
    let manager = site.diligent(WorkQueueOptions::new());
    manager.pause();
    let wall = SystemClock::new();
    let began = wall.now();
    let running = Running::start(&site, &manager);
    site.until("all are published", async || site.stats().await.ready == 100_000).await;
    eprintln!("published within {:?}", wall.now().since(began));
    let listings = site.shelf.listings.load(Ordering::Relaxed);
    let began = wall.now();
    site.until("they are listed anew", async || site.shelf.listings.load(Ordering::Relaxed) > listings).await;
    eprintln!("listed and differenced within {:?}", wall.now().since(began));
    assert_eq!(manager.counters().counter("items_published_total").value(), 100_000);
    assert_eq!(manager.status().known, 100_000);
    running.drain().await;
}
