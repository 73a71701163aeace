//! A source, a queue and workers whose doings are written down.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe, Node};
use entourage_core::{Clock, PausedClock, Shutdown, sleep, timeout};
use entourage_queue::{Item, MemoryQueue, Queue, Stats};

use crate::{
    Attempt, Finish, ItemData, ItemName, Listing, Outcome, SourceError, SourceResult, WorkQueue,
    WorkQueueOptions, WorkSource, Worker,
};

/// Longer than any test takes, in time that jumps.
const DEADLINE: Duration = Duration::from_secs(100 * 60 * 60);

/// A source whose items a test can change.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) names: Mutex<Vec<String>>,
    /// Listed, but not there any more.
    pub(super) vanished: Mutex<BTreeSet<String>>,
    pub(super) is_away: AtomicBool,
    pub(super) is_incomplete: AtomicBool,
    pub(super) listings: AtomicU64,
    /// Its items are gone once it was told that they are finished.
    pub(super) is_used_up: AtomicBool,
    pub(super) told: Mutex<Vec<(String, Finish)>>,
    /// It does not take it that items are finished.
    pub(super) is_deaf: AtomicBool,
    /// It lets go of nothing.
    pub(super) is_holding: AtomicBool,
    /// It does not answer when it is told something.
    pub(super) is_mute: AtomicBool,
}

impl Describe for Shelf {
    fn describe(&self, blueprint: &mut Blueprint) {
        blueprint.add_node(Node::new("source", "shelf").source());
    }
}

impl Shelf {
    pub(super) fn of<N: ToString>(names: impl IntoIterator<Item = N>) -> Arc<Self> {
        let shelf = Self::default();
        shelf.set(names);
        Arc::new(shelf)
    }

    pub(super) fn set<N: ToString>(&self, names: impl IntoIterator<Item = N>) {
        *self.names.lock().unwrap() = names.into_iter().map(|name| name.to_string()).collect();
    }

    fn check(&self, what: &str) -> SourceResult<()> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(SourceError::Unavailable { what: what.to_owned(), source: "it is away".into() });
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl WorkSource for Shelf {
    fn name(&self) -> &str {
        "shelf"
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.check("the list")?;
        self.listings.fetch_add(1, Ordering::Relaxed);
        let mut listing = Listing::builder();
        for name in &*self.names.lock().unwrap() {
            listing.offer(name);
        }
        if self.is_incomplete.load(Ordering::Relaxed) {
            listing.miss("a part is away");
        }
        Ok(listing.build())
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        self.check("an item")?;
        let is_there = !self.vanished.lock().unwrap().contains(name.as_str());
        Ok(is_there.then(|| ItemData::of_name(name)))
    }

    fn is_used_up(&self) -> bool {
        self.is_used_up.load(Ordering::Relaxed)
    }

    async fn finished(&self, names: &[ItemName], finish: Finish) -> SourceResult<Vec<ItemName>> {
        if self.is_mute.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.is_deaf.load(Ordering::Relaxed) {
            let what = "the shelf".to_owned();
            return Err(SourceError::Unavailable { what, source: "it is deaf".into() });
        }
        if self.is_holding.load(Ordering::Relaxed) {
            return Ok(names.to_vec());
        }
        self.names.lock().unwrap().retain(|listed| !names.iter().any(|name| name.as_str() == listed));
        self.vanished.lock().unwrap().extend(names.iter().map(ToString::to_string));
        self.told.lock().unwrap().extend(names.iter().map(|name| (name.to_string(), finish)));
        Ok(Vec::new())
    }
}

/// A queue in memory with a source, and what the workers did.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) shelf: Arc<Shelf>,
    pub(super) queue: MemoryQueue,
    pub(super) clock: Arc<dyn Clock>,
    log: Arc<Mutex<Vec<(String, u32)>>>,
}

impl Site {
    pub(super) fn of<N: ToString>(names: impl IntoIterator<Item = N>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
        let queue = MemoryQueue::with_clock(Arc::clone(&clock));
        Self { shelf: Shelf::of(names), queue, clock, log: Arc::default() }
    }

    /// The same with a source whose items are used up.
    pub(super) fn used_up<N: ToString>(names: impl IntoIterator<Item = N>) -> Self {
        let site = Self::of(names);
        site.shelf.is_used_up.store(true, Ordering::Relaxed);
        site
    }

    /// What the source was told, in its order.
    pub(super) fn told(&self) -> Vec<(String, Finish)> {
        self.shelf.told.lock().unwrap().clone()
    }

    /// A manager whose worker writes down each attempt that it begins, and then does `work`.
    pub(super) fn manager<F, Fut>(&self, options: WorkQueueOptions, work: F) -> WorkQueue
    where
        F: Fn(Item, Attempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        self.manager_on(self.queue.clone(), options, work)
    }

    /// [`Site::manager`] on another queue.
    pub(super) fn manager_on<F, Fut>(
        &self,
        queue: impl Queue,
        options: WorkQueueOptions,
        work: F,
    ) -> WorkQueue
    where
        F: Fn(Item, Attempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let worker = Logging { log: Arc::clone(&self.log), work };
        WorkQueue::new("site", Arc::clone(&self.shelf), queue, worker).with_options(options)
    }

    /// A manager whose worker does the work at once.
    pub(super) fn diligent(&self, options: WorkQueueOptions) -> WorkQueue {
        self.manager(options, |_, _| async { Outcome::Done })
    }

    /// How often each name was begun.
    pub(super) fn begun(&self) -> BTreeMap<String, u32> {
        let mut begun = BTreeMap::new();
        for (name, _) in &*self.log.lock().unwrap() {
            *begun.entry(name.clone()).or_default() += 1;
        }
        begun
    }

    /// The numbers of the attempts at `name`, in their order.
    pub(super) fn attempts(&self, name: &str) -> Vec<u32> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|(of, _)| of == name).map(|(_, number)| *number).collect()
    }

    pub(super) async fn stats(&self) -> Stats {
        self.queue.stats(&"site".into(), &"site".into()).await.unwrap()
    }

    /// The records of the ledger, by name.
    pub(super) async fn ledger(&self) -> BTreeMap<String, String> {
        let records = self.queue.records(&"site".into(), "").await.unwrap();
        records
            .into_iter()
            .map(|record| (record.key.to_string(), String::from_utf8(record.value.to_vec()).unwrap()))
            .collect()
    }

    pub(super) async fn pass(&self, time: Duration) {
        sleep(&*self.clock, time).await;
    }

    /// Waits until `condition` holds, looked at each second of the time that jumps.
    pub(super) async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !condition().await {
                self.pass(Duration::from_secs(1)).await;
            }
        };
        assert!(timeout(&*self.clock, DEADLINE, waiting).await.is_ok(), "it was not seen that {what}");
    }

    /// Waits until so many records say that their item is done.
    pub(super) async fn until_done(&self, items: usize) {
        let is_done = async || self.ledger().await.values().filter(|entry| *entry == "done").count() == items;
        self.until(&format!("{items} items are done"), is_done).await;
    }
}

/// A manager that runs until it is told otherwise.
pub(super) struct Running {
    pub(super) shutdown: Shutdown,
    pub(super) task: tokio::task::JoinHandle<entourage_queue::Result<()>>,
    clock: Arc<dyn Clock>,
}

impl Running {
    pub(super) fn start(site: &Site, manager: &WorkQueue) -> Self {
        let (shutdown, manager) = (Shutdown::new(), manager.clone());
        let token = shutdown.clone();
        let task = tokio::spawn(async move { manager.run(&token).await });
        Self { shutdown, task, clock: Arc::clone(&site.clock) }
    }

    /// Drains it and waits for its end.
    pub(super) async fn drain(self) {
        self.shutdown.drain();
        self.end().await;
    }

    /// Waits for its end.
    pub(super) async fn end(self) {
        let ended = timeout(&*self.clock, DEADLINE, self.task).await.expect("a manager ends when it is told");
        ended.expect("a manager does not panic").expect("its options work");
    }
}

struct Logging<F> {
    log: Arc<Mutex<Vec<(String, u32)>>>,
    work: F,
}

#[async_trait::async_trait]
impl<F, Fut> Worker for Logging<F>
where
    F: Fn(Item, Attempt) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    async fn work(&self, item: &Item, attempt: &Attempt) -> Outcome {
        self.log.lock().unwrap().push((item.id().to_string(), attempt.number()));
        (self.work)(item.clone(), attempt.clone()).await
    }
}

impl<F> std::fmt::Debug for Logging<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logging").finish_non_exhaustive()
    }
}
