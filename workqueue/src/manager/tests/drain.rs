//! Ending and pausing: nothing is taken, nothing is burnt.

use std::{future::pending, sync::Arc, time::Duration};

use entourage_core::sleep;

use crate::{
    Outcome, WorkQueueOptions,
    manager::tests::site::{Running, Site},
};

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_what_is_in_work_and_takes_nothing_more() {
    let site = Site::of(0..10);
    let clock = Arc::clone(&site.clock);
    let manager = site.manager(WorkQueueOptions::new().with_parallelism(3), move |_, _| {
        let clock = Arc::clone(&clock);
        async move {
            sleep(&*clock, Duration::from_secs(100)).await;
            Outcome::Done
        }
    });
    let running = Running::start(&site, &manager);
    site.until("three are in work", async || manager.status().working == 3).await;
    running.drain().await;
    assert_eq!(site.begun().len(), 3, "something was taken while draining");
    assert_eq!(site.ledger().await.values().filter(|entry| *entry == "done").count(), 3);
    assert_eq!(site.stats().await.ready, 7);
    assert!(!manager.status().is_ready() && !manager.status().running);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_at_the_deadline_burns_no_attempt() {
    let site = Site::of(["listens", "is deaf"]);
    let options = WorkQueueOptions::new().with_parallelism(2);
    let interrupted = site.manager(options, |item, attempt| async move {
        if item.id().as_str() == "listens" {
            attempt.cancelled().await;
            return Outcome::Interrupted;
        }
        pending().await
    });
    for _ in 0..7 {
        let running = Running::start(&site, &interrupted);
        site.until("both are in work", async || interrupted.status().working == 2).await;
        running.shutdown.drain_then_stop(&*site.clock, Duration::from_secs(30)).await;
        running.end().await;
        assert_eq!(site.stats().await.ready, 2, "something was not given back");
    }
    let running = Running::start(&site, &site.diligent(options));
    site.until_done(2).await;
    running.drain().await;
    for name in ["listens", "is deaf"] {
        assert_eq!(site.attempts(name), [1; 8], "an interruption of {name:?} burnt an attempt");
    }
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_is_dropped_gives_back_what_it_had() {
    let site = Site::of(["a"]);
    let manager = site.manager(WorkQueueOptions::new(), |_, _| pending());
    let running = Running::start(&site, &manager);
    site.until("it is in work", async || manager.status().working == 1).await;
    running.task.abort();
    site.until("it is given back", async || site.stats().await.ready == 1).await;
    assert!(!manager.status().running && manager.status().working == 0);
    let running = Running::start(&site, &site.diligent(WorkQueueOptions::new()));
    site.until_done(1).await;
    assert_eq!(site.attempts("a"), [1, 1]);
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_manager_takes_nothing_and_says_so() {
    let site = Site::of(0..3);
    let manager = site.diligent(WorkQueueOptions::new());
    manager.pause();
    let running = Running::start(&site, &manager);
    site.pass(Duration::from_secs(600)).await;
    assert!(site.begun().is_empty() && manager.status().paused && !manager.status().is_ready());
    manager.resume();
    site.until_done(3).await;
    assert!(manager.status().is_ready());
    running.drain().await;
}
