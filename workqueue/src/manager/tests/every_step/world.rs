//! What managers of one name find, one after the other: a source, a queue, and work to do.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Shutdown, sleep, timeout};
use entourage_queue::{Dead, Queue, Stats};

use crate::{
    Finish, ItemData, ItemName, Listing, Outcome, SourceResult, WorkQueue, WorkQueueOptions, WorkSource,
    Worker,
    manager::tests::{
        every_step::{
            deeds::{Deeds, End, Seen},
            life::Life,
            queue::MortalQueue,
        },
        site::{Shelf, Site},
    },
    worker_fn,
};

/// The items, and how they end.
pub(super) const ITEMS: [(&str, End); 5] =
    [("one", End::Done), (BROKEN, End::Dead), (SHY, End::Done), ("two", End::Done), ("three", End::Done)];
pub(super) const BROKEN: &str = "broken";
/// It is done when its first attempt was settled as a failure.
pub(super) const SHY: &str = "shy";

pub(super) const PARALLELISM: usize = 2;

/// Longer than what a manager learns late: that a lease has ended, or what is in the ledger.
const DEADLINE: Duration = Duration::from_secs(20 * 60);

/// What becomes of the items in their source once all are finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They are listed on.
    Stays,
    /// They are listed no more.
    Goes,
    /// It lets go of each that it is told of.
    UsedUp,
}

/// What managers of one name find, and what they did.
#[derive(Debug)]
pub(super) struct World {
    kind: Kind,
    pub(super) site: Site,
    pub(super) deeds: Arc<Deeds>,
}

/// How everything stands.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) stats: Stats,
    pub(super) dead: Vec<Dead>,
    pub(super) ledger: BTreeMap<String, String>,
    pub(super) told: Vec<(String, Finish)>,
    pub(super) seen: Seen,
}

impl Look {
    /// Whether an attempt at `name` was neither settled nor given back.
    pub(super) fn held(&self, name: &str) -> bool {
        self.seen.held.values().any(|held| held == name)
    }

    pub(super) fn is_told(&self, name: &str) -> bool {
        self.told.iter().any(|(told, _)| told == name)
    }
}

impl World {
    pub(super) fn new(kind: Kind) -> Self {
        let names = ITEMS.map(|(name, _)| name);
        let site = if kind == Kind::UsedUp { Site::used_up(names) } else { Site::of(names) };
        Self { kind, site, deeds: Arc::default() }
    }

    /// Lets a manager run until all is finished, or its life is over; whether it was in time.
    pub(super) async fn run(&self, life: &Arc<Life>) -> bool {
        let (life, deeds) = (Arc::clone(life), Arc::clone(&self.deeds));
        let queue = MortalQueue { inner: self.site.queue.clone(), life: Arc::clone(&life), deeds };
        let source = MortalSource { shelf: Arc::clone(&self.site.shelf), life: Arc::clone(&life) };
        // There is room for some of the items only, so that the others wait for it.
        let options = WorkQueueOptions::new()
            .with_parallelism(PARALLELISM)
            .with_capacity(3)
            .with_interval(Duration::from_secs(2))
            .with_lease(Duration::from_secs(10))
            .with_backoff(Duration::ZERO, Duration::ZERO);
        let worker = self.worker(&life);
        let manager = WorkQueue::new("site", source, queue, worker).with_options(options);
        let shutdown = Shutdown::new();
        let ending = async {
            self.finished().await;
            shutdown.drain();
        };
        let running = async { tokio::join!(manager.run(&shutdown), ending).0.expect("its options work") };
        tokio::select! {
            biased;
            () = life.over() => true,
            ended = timeout(&*self.site.clock, DEADLINE, running) => ended.is_ok(),
        }
    }

    /// Works for a while, and then does something for all the world to see.
    fn worker(&self, life: &Arc<Life>) -> impl Worker + use<> {
        let (life, deeds, clock) = (Arc::clone(life), Arc::clone(&self.deeds), Arc::clone(&self.site.clock));
        worker_fn("effect", move |item, attempt| {
            let (life, deeds, clock) = (Arc::clone(&life), Arc::clone(&deeds), Arc::clone(&clock));
            async move {
                let work = async {
                    sleep(&*clock, Duration::from_millis(300)).await;
                    let name = item.id().as_str();
                    let has_failed = deeds.with(|seen| {
                        seen.effects.push((name.to_owned(), attempt.fence().epoch()));
                        seen.ends(name).contains(&End::Retried)
                    });
                    match name {
                        BROKEN => Outcome::Dead("it is broken".to_owned()),
                        SHY if !has_failed => Outcome::Retry(Duration::from_secs(3)),
                        _ => Outcome::Done,
                    }
                };
                life.call("work", work).await
            }
        })
    }

    /// Waits until all items are finished, and what follows of it has happened.
    async fn finished(&self) {
        let (site, shelf) = (&self.site, &self.site.shelf);
        let is_finished = async || self.deeds.with(|seen| seen.finished().len()) == ITEMS.len();
        site.until("all are finished", is_finished).await;
        match self.kind {
            Kind::Stays => {
                let listings = || shelf.listings.load(Ordering::Relaxed);
                let before = listings();
                site.until("they are listed again", async || listings() >= before + 2).await;
            }
            Kind::Goes => {
                shelf.set::<&str>([]);
                site.until("they are forgotten", async || site.ledger().await.is_empty()).await;
            }
            Kind::UsedUp => {
                site.until("they are let go of and forgotten", async || {
                    shelf.names.lock().unwrap().is_empty() && site.ledger().await.is_empty()
                })
                .await;
            }
        }
    }

    /// How everything stands, seen past the managers.
    pub(super) async fn look(&self) -> Look {
        let site = &self.site;
        let dead = site.queue.dead(&"site".into(), &"site".into(), 100).await.unwrap();
        let (stats, ledger) = (site.stats().await, site.ledger().await);
        Look { stats, dead, ledger, told: site.told(), seen: self.deeds.seen() }
    }
}

/// A source that a manager talks to as long as it lives.
#[derive(Debug)]
struct MortalSource {
    shelf: Arc<Shelf>,
    life: Arc<Life>,
}

impl Describe for MortalSource {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.shelf.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl WorkSource for MortalSource {
    fn name(&self) -> &str {
        self.shelf.name()
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.life.call("items", self.shelf.items()).await
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        self.life.call("item", self.shelf.item(name)).await
    }

    fn is_used_up(&self) -> bool {
        self.shelf.is_used_up()
    }

    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        self.life.call("finished", self.shelf.finished(names, finish)).await
    }
}
