//! Retries, time limits, panics and dead letters; priorities and keys; the size of the pool.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_blueprint::Blueprint;
use entourage_core::{Moment, sleep};
use entourage_queue::{Key, Queue, Redrive};

use crate::{
    Outcome, ScalerOptions, WorkQueueOptions,
    manager::tests::site::{Running, Site},
};

#[tokio::test(start_paused = true)]
async fn an_item_that_fails_again_and_again_is_a_dead_letter_at_the_limit_and_others_go_on() {
    let site = Site::of(["good", "retries", "explains", "panics", "hangs", "stays", "refuses"]);
    let options = WorkQueueOptions::new().with_parallelism(7).with_attempts(3);
    let manager =
        site.manager(options.with_time_limit(Duration::from_secs(50)), |item, attempt| async move {
            match item.id().as_str() {
                "retries" => Outcome::Retry(Duration::ZERO),
                "explains" => {
                    attempt.retry(Duration::ZERO, format!("no answer to call {}", attempt.number()))
                }
                "stays" => {
                    attempt.explain("waiting for an answer");
                    pending().await
                }
                "panics" => panic!("it cannot be"),
                "hangs" => pending().await,
                "refuses" => Outcome::Dead("it has no legs".to_owned()),
                _ => Outcome::Done,
            }
        });
    let running = Running::start(&site, &manager);
    site.until("four are given up", async || site.stats().await.dead == 6).await;
    site.until_done(1).await;
    running.drain().await;
    for (name, attempts) in
        [("good", 1..=1), ("retries", 1..=3), ("panics", 1..=3), ("hangs", 1..=3), ("refuses", 1..=1)]
    {
        assert_eq!(site.attempts(name), attempts.collect::<Vec<_>>(), "{name}");
    }
    let dead = site.queue.dead(&"site".into(), &"site".into(), 10).await.unwrap();
    let reasons: Vec<_> = dead.iter().map(|dead| (dead.item.id().as_str(), &*dead.reason)).collect();
    let expected = [
        ("retries", "it failed 3 times; the last time its worker asked for another attempt"),
        ("explains", "it failed 3 times; the last time no answer to call 3"),
        ("panics", "it failed 3 times; the last time its worker panicked: it cannot be"),
        ("hangs", "it failed 3 times; the last time its worker took longer than 50s"),
        (
            "stays",
            "it failed 3 times; the last time its worker took longer than 50s; its last word was: \
             waiting for an answer",
        ),
        ("refuses", "it has no legs"),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(site.ledger().await.values().filter(|entry| *entry == "dead").count(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_stays_dead_while_it_is_listed_and_lives_when_it_is_redriven() {
    let site = Site::of(["a"]);
    let is_repaired = Arc::new(Mutex::new(false));
    let repaired = Arc::clone(&is_repaired);
    let manager = site.manager(WorkQueueOptions::new(), move |_, _| {
        let is_repaired = *repaired.lock().unwrap();
        async move { if is_repaired { Outcome::Done } else { Outcome::Dead("broken".to_owned()) } }
    });
    let running = Running::start(&site, &manager);
    site.until("it is given up", async || site.stats().await.dead == 1).await;
    site.pass(Duration::from_secs(100 * 60 * 60)).await;
    assert_eq!(site.attempts("a"), [1]);
    *is_repaired.lock().unwrap() = true;
    site.queue.redrive(&"site".into(), &"site".into(), Redrive::All).await.unwrap();
    site.until_done(1).await;
    assert_eq!(site.attempts("a"), [1, 1]);
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn failures_wait_longer_each_time_and_never_less_than_the_worker_says() {
    let site = Site::of(["a"]);
    let begun: Arc<Mutex<Vec<Moment>>> = Arc::default();
    let (clock, at) = (Arc::clone(&site.clock), Arc::clone(&begun));
    let options = WorkQueueOptions::new().with_attempts(12);
    let options = options.with_backoff(Duration::from_secs(1), Duration::from_secs(100));
    let manager = site.manager(options, move |_, _| {
        at.lock().unwrap().push(clock.now());
        async { Outcome::Retry(Duration::from_secs(2)) }
    });
    let running = Running::start(&site, &manager);
    site.until("it is given up", async || site.stats().await.dead == 1).await;
    running.drain().await;
    let begun = begun.lock().unwrap();
    let waits: Vec<_> = begun.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert_eq!(waits.len(), 11);
    assert!(
        waits.iter().all(|wait| *wait >= Duration::from_secs(2)),
        "sooner than its worker said: {waits:?}"
    );
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(101)), "longer than the cap: {waits:?}");
    assert!(waits[4..].iter().any(|wait| *wait > Duration::from_secs(4)), "no longer each time: {waits:?}");
}

#[tokio::test(start_paused = true)]
async fn higher_priorities_come_first_and_of_one_key_one_is_in_work() {
    let site = Site::of(["low/1", "low/2", "high/1", "high/2"]);
    let clock = Arc::clone(&site.clock);
    let order: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&order);
    let manager = site.manager(WorkQueueOptions::new().with_parallelism(4), move |item, _| {
        let (clock, log) = (Arc::clone(&clock), Arc::clone(&log));
        async move {
            log.lock().unwrap().push(format!("+{}", item.id()));
            sleep(&*clock, Duration::from_secs(5)).await;
            log.lock().unwrap().push(format!("-{}", item.id()));
            Outcome::Done
        }
    });
    let manager = manager
        .with_priority(|name| u8::from(name.as_str().starts_with("high")))
        .with_key(|name| name.as_str().split('/').next().map(Key::from));
    manager.pause();
    let running = Running::start(&site, &manager);
    site.until("all are published", async || site.stats().await.unsettled() == 4).await;
    manager.resume();
    site.until_done(4).await;
    running.drain().await;
    let order = order.lock().unwrap();
    let expected = ["+high/1", "+low/1", "-high/1", "-low/1", "+high/2", "+low/2", "-high/2", "-low/2"];
    assert_eq!(*order, expected);
}

#[tokio::test(start_paused = true)]
async fn a_pool_grows_with_a_burst_and_shrinks_after_it_without_giving_anything_back() {
    let site = Site::of(0..600);
    let clock = Arc::clone(&site.clock);
    let manager = site.manager(
        WorkQueueOptions::new().with_scaler(ScalerOptions::new().with_bounds(1, 32)),
        move |_, _| {
            let clock = Arc::clone(&clock);
            async move {
                sleep(&*clock, Duration::from_secs(1)).await;
                Outcome::Done
            }
        },
    );
    let running = Running::start(&site, &manager);
    let mut sizes = Vec::new();
    site.until("all are done", async || {
        sizes.push(manager.status().parallelism);
        site.ledger().await.values().filter(|entry| *entry == "done").count() == 600
    })
    .await;
    assert!(*sizes.iter().max().unwrap() >= 8, "the pool did not grow: {sizes:?}");
    let scaling = manager.scaling();
    assert!(scaling.processing.is_some_and(|time| time >= Duration::from_secs(1)), "{scaling:?}");
    site.until("the pool shrinks", async || manager.status().parallelism == 1).await;
    assert!(site.begun().values().all(|times| *times == 1), "an item was given back");
    let shown: Vec<_> = manager.counters().snapshot();
    assert!(
        shown.contains(&("parallelism", 1)) && shown.contains(&("attempts_done_total", 600)),
        "{shown:?}"
    );
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_manager_describes_itself_with_its_source() {
    let site = Site::of(["a"]);
    let blueprint = Blueprint::of(&site.diligent(WorkQueueOptions::new()));
    assert_eq!(blueprint.check(), []);
}
