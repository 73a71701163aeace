//! A source or a queue that is away ends nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm, sleep};
use entourage_queue::{
    Applied, Ask, Capabilities, Dead, Delivery, Error, Group, MemoryQueue, Publication, Published, Queue,
    Receiver, Record, Redrive, Result, Settler, Stats, Step, SubscribeOptions, Topic, TopicOptions,
    Unapplied,
};

use crate::{
    Health, Outcome, WorkQueueOptions,
    manager::tests::site::{Running, Site},
};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_source_that_is_away_turns_it_unready_stops_nothing_and_is_tried_again() {
    let site = Site::of(0..4);
    let clock = Arc::clone(&site.clock);
    let manager = site.manager(WorkQueueOptions::new().with_parallelism(2), move |_, _| {
        let clock = Arc::clone(&clock);
        async move {
            sleep(&*clock, MINUTE * 3).await;
            Outcome::Done
        }
    });
    let running = Running::start(&site, &manager);
    site.until("two are in work", async || manager.status().working == 2).await;
    assert!(manager.status().is_ready());
    site.shelf.is_away.store(true, Ordering::Relaxed);
    site.pass(MINUTE * 10).await;
    let status = manager.status();
    assert!(!status.is_ready(), "{status:?}");
    assert!(
        matches!(&status.source, Health::Down { tries, why, .. }
        if *tries > 3 && why.ends_with("it is away")),
        "{status:?}"
    );
    let done = site.ledger().await.values().filter(|entry| *entry == "done").count();
    assert_eq!(done, 2, "what was in work did not go on");
    assert_eq!(site.stats().await.dead, 0, "an item was blamed for its source");
    site.shelf.is_away.store(false, Ordering::Relaxed);
    site.shelf.set(0..6);
    site.until_done(6).await;
    assert!(manager.status().is_ready());
    assert_eq!(site.begun().values().max(), Some(&1));
    assert!((0..6).all(|name| site.attempts(&name.to_string()) == [1]), "an attempt was burnt");
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_away_turns_it_unready_and_is_tried_again() {
    let site = Site::of(0..100);
    let away = Arc::new(AtomicBool::new(true));
    let queue = AwayQueue { inner: site.queue.clone(), away: Arc::clone(&away) };
    let clock = Arc::clone(&site.clock);
    let manager = site.manager_on(queue, WorkQueueOptions::new().with_parallelism(4), move |_, _| {
        let clock = Arc::clone(&clock);
        async move {
            sleep(&*clock, Duration::from_secs(7)).await;
            Outcome::Done
        }
    });
    let running = Running::start(&site, &manager);
    site.pass(MINUTE * 10).await;
    let status = manager.status();
    assert!(!status.is_ready() && matches!(status.queue, Health::Down { .. }), "{status:?}");
    for _ in 0..5 {
        away.store(false, Ordering::Relaxed);
        site.pass(MINUTE / 2).await;
        away.store(true, Ordering::Relaxed);
        site.pass(MINUTE * 5).await;
        let status = manager.status();
        assert!(!status.is_ready() && matches!(status.queue, Health::Down { .. }), "{status:?}");
    }
    away.store(false, Ordering::Relaxed);
    site.until_done(100).await;
    site.until("it is ready", async || manager.status().is_ready()).await;
    assert_eq!(site.begun().values().max(), Some(&1), "an item was done twice");
    running.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_name_with_which_no_queue_works_is_refused() {
    let site = Site::of(["a"]);
    let manager = crate::WorkQueue::new(
        "",
        Arc::clone(&site.shelf),
        site.queue.clone(),
        crate::worker_fn("done", |_, _| async { Outcome::Done }),
    );
    let refused = manager.run(&entourage_core::Shutdown::new()).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    assert!(!manager.status().running);
}

/// A queue that can be taken away; what was asked before goes on.
#[derive(Clone, Debug)]
pub(super) struct AwayQueue {
    pub(super) inner: MemoryQueue,
    pub(super) away: Arc<AtomicBool>,
}

impl AwayQueue {
    fn check(&self) -> Result<()> {
        if self.away.load(Ordering::Relaxed) { Err(Error::Unavailable("it is away".into())) } else { Ok(()) }
    }
}

impl Describe for AwayQueue {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl Queue for AwayQueue {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()> {
        self.check()?;
        self.inner.configure(topic, options).await
    }

    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        self.check()?;
        self.inner.publish(batch).await
    }

    async fn subscribe(
        &self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        self.check()?;
        let (receiver, settler) = self.inner.subscribe(topics, group, options).await?;
        let receiver = AwayReceiver { inner: receiver, queue: self.clone() };
        Ok((Box::new(receiver), Arc::new(AwaySettler { inner: settler, queue: self.clone() })))
    }

    async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats> {
        self.check()?;
        self.inner.stats(topic, group).await
    }

    async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
        self.check()?;
        self.inner.dead(topic, group, limit).await
    }

    async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64> {
        self.check()?;
        self.inner.redrive(topic, group, which).await
    }

    async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>> {
        self.check()?;
        self.inner.records(group, prefix).await
    }

    async fn room(&self, topic: &Topic, items: u64) -> Result<()> {
        self.check()?;
        self.inner.room(topic, items).await
    }
}

#[derive(Debug)]
struct AwayReceiver {
    inner: Box<dyn Receiver>,
    queue: AwayQueue,
}

#[async_trait::async_trait]
impl Receiver for AwayReceiver {
    async fn receive(&mut self, ask: Ask) -> Result<Vec<Delivery>> {
        self.queue.check()?;
        self.inner.receive(ask).await
    }

    async fn close(&mut self) -> Result<()> {
        self.queue.check()?;
        self.inner.close().await
    }
}

#[derive(Debug)]
struct AwaySettler {
    inner: Arc<dyn Settler>,
    queue: AwayQueue,
}

#[async_trait::async_trait]
impl Settler for AwaySettler {
    async fn step(&self, step: Step) -> Result<Applied, Unapplied> {
        match self.queue.check() {
            Ok(()) => self.inner.step(step).await,
            Err(error) => Err(Unapplied { step: Box::new(step), error }),
        }
    }

    async fn renew(&self, delivery: &Delivery, time: Duration) -> Result<()> {
        self.queue.check()?;
        self.inner.renew(delivery, time).await
    }

    async fn state(&self, key: &str) -> Result<Option<Record>> {
        self.queue.check()?;
        self.inner.state(key).await
    }
}
