//! What becomes of a dead letter whose source was told that it is dead, when somebody redrives it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use entourage_queue::{Queue, Redrive};

use crate::{
    Finish, Outcome, WorkQueueOptions,
    manager::tests::site::{Running, Site},
};

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_told_as_dead_and_when_it_is_redriven_as_done() {
    let site = Site::used_up(["a"]);
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let manager = site.manager(WorkQueueOptions::new(), move |_, _| {
        let outcome = match mended.load(Ordering::Relaxed) {
            true => Outcome::Done,
            false => Outcome::Dead("broken".to_owned()),
        };
        async move { outcome }
    });
    let running = Running::start(&site, &manager);
    site.until("it is told", async || site.told() == [("a".to_owned(), Finish::Dead)]).await;
    is_mended.store(true, Ordering::Relaxed);
    site.shelf.vanished.lock().unwrap().clear();
    site.queue.redrive(&"site".into(), &"site".into(), Redrive::All).await.unwrap();
    site.until("it is told again", async || site.told().len() == 2).await;
    running.drain().await;
    assert_eq!(site.told()[1], ("a".to_owned(), Finish::Done));
    assert!(site.ledger().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_redriven_letter_whose_source_let_go_of_it_is_a_dead_letter_again() {
    let site = Site::used_up(["a"]);
    let manager = site.manager(WorkQueueOptions::new(), |_, _| async { Outcome::Dead("broken".to_owned()) });
    let vanished = manager.counters().counter("items_vanished_total");
    let running = Running::start(&site, &manager);
    site.until("it is told", async || site.told() == [("a".to_owned(), Finish::Dead)]).await;
    site.until("it is forgotten", async || site.ledger().await.is_empty()).await;
    for round in 1..=2 {
        site.queue.redrive(&"site".into(), &"site".into(), Redrive::All).await.unwrap();
        site.until("it was looked for", async || vanished.value() == round).await;
        site.until("it is settled", async || site.stats().await.unsettled() == 0).await;
        let dead = site.queue.dead(&"site".into(), &"site".into(), 10).await.unwrap();
        assert_eq!(dead.len(), 1, "it is gone, and nobody has done it");
        assert!(dead[0].reason.ends_with("add it to the source again"), "{}", dead[0].reason);
    }
    // Added again, it is worked on.
    site.shelf.vanished.lock().unwrap().clear();
    site.shelf.set(["a"]);
    site.until("it is told again", async || site.told().len() == 2).await;
    running.drain().await;
    assert_eq!(site.begun(), [("a".to_owned(), 2)].into());
}

#[tokio::test(start_paused = true)]
async fn what_others_took_out_of_a_source_that_is_used_up_is_no_dead_letter() {
    let site = Site::used_up(["a"]);
    site.shelf.vanished.lock().unwrap().insert("a".to_owned());
    let manager = site.diligent(WorkQueueOptions::new());
    let vanished = manager.counters().counter("items_vanished_total");
    let running = Running::start(&site, &manager);
    site.until("it was looked for", async || vanished.value() > 0).await;
    site.shelf.set::<&str>([]);
    site.until("it is accepted", async || site.stats().await.unsettled() == 0).await;
    running.drain().await;
    assert_eq!(site.stats().await.dead, 0);
    assert!(site.ledger().await.is_empty());
}
