//! The manager of the book's work queue (chapter 10): list, difference, work, record.

mod crew;
mod finishes;
mod hands;
mod known;
mod ledger;
mod lister;
mod options;
mod outlet;
mod performer;
mod pool;
mod publisher;
mod recheck;
mod settlement;
mod shared;
mod status;
mod teller;
#[cfg(test)]
mod tests;

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use entourage_blueprint::{Blueprint, Counters, Describe, Node, Sink};
use entourage_core::{Backoff, Shutdown, sleep};
use entourage_queue::{Group, Key, Queue, Receiver, Result, Settler, SubscribeOptions, Topic, TopicOptions};

use crate::{
    scaler::Scaling,
    source::{ItemName, WorkSource},
    worker::Worker,
};

pub use self::{
    options::WorkQueueOptions,
    status::{Health, Status},
};

use self::{
    publisher::Publisher,
    shared::{Asked, Running, Shared},
};

/// Works off what a source lists, each item once, with as many managers as there are.
///
/// It publishes each new name to a topic of a [`Queue`] and works on what it is delivered: so
/// leases, heartbeats, fences, dead letters and the sharing among managers are the queue's. What
/// has become of an item is a record in the queue's state, written in the same step that
/// publishes or settles it: a finished item is not done again while the source lists it, and is
/// forgotten some listings after it is gone. A source whose items are used up is told what is
/// finished once that is recorded, and it is forgotten once the source has let go of it.
///
/// The topic and the group have its name, and are to be left to it.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use entourage_core::Shutdown;
/// use entourage_queue::MemoryQueue;
/// use entourage_workqueue::{FromNames, Outcome, WorkQueue, WorkQueueOptions, worker_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
/// let source = FromNames::from_iter(["one", "two", "three"]);
/// let shutdown = Shutdown::new();
/// let (done, all_done) = (tokio::sync::Semaphore::new(0), shutdown.clone());
/// let done = Arc::new(done);
/// let worker = worker_fn("count", move |item, _attempt| {
///     let (done, all_done) = (Arc::clone(&done), all_done.clone());
///     async move {
///         println!("{}", item.id());
///         done.add_permits(1);
///         if done.available_permits() == 3 {
///             all_done.drain();
///         }
///         Outcome::Done
///     }
/// });
/// let options = WorkQueueOptions::new().with_parallelism(2);
/// let manager = WorkQueue::new("shouts", source, MemoryQueue::new(), worker).with_options(options);
/// manager.run(&shutdown).await?;
/// # Ok::<(), entourage_queue::Error>(()) }).expect("it works");
/// ```
#[derive(Clone, Debug)]
pub struct WorkQueue {
    name: Arc<str>,
    source: Arc<dyn WorkSource>,
    queue: Arc<dyn Queue>,
    worker: Arc<dyn Worker>,
    publisher: Publisher,
    options: WorkQueueOptions,
    shared: Arc<Shared>,
}

impl WorkQueue {
    /// A manager that has `worker` do what `source` lists, by way of `queue`.
    ///
    /// Managers of one name over one queue share the work, in any number of processes.
    pub fn new(
        name: impl Into<Arc<str>>,
        source: impl WorkSource,
        queue: impl Queue,
        worker: impl Worker,
    ) -> Self {
        let (name, options) = (name.into(), WorkQueueOptions::new());
        let is_told = source.is_used_up();
        Self {
            publisher: Publisher { topic: Topic::new(Arc::clone(&name)), priority: None, key: None },
            name,
            source: Arc::new(source),
            queue: Arc::new(queue),
            worker: Arc::new(worker),
            shared: Arc::new(Shared::new(options.scaler, is_told)),
            options,
        }
    }

    /// Managed like this.
    #[must_use]
    pub fn with_options(mut self, options: WorkQueueOptions) -> Self {
        self.shared = Arc::new(Shared::new(options.scaler, self.source.is_used_up()));
        self.options = options;
        self
    }

    /// With a priority of each item; higher is worked on sooner.
    #[must_use]
    pub fn with_priority(mut self, priority: impl Fn(&ItemName) -> u8 + Send + Sync + 'static) -> Self {
        self.publisher.priority = Some(Arc::new(priority));
        self
    }

    /// With a key of each item that has one: of one key, one is in work, in the source's order.
    #[must_use]
    pub fn with_key(mut self, key: impl Fn(&ItemName) -> Option<Key> + Send + Sync + 'static) -> Self {
        self.publisher.key = Some(Arc::new(key));
        self
    }

    /// Where its items are, and who works on them.
    #[must_use]
    pub fn topic(&self) -> (Topic, Group) {
        (self.publisher.topic.clone(), Group::new(Arc::clone(&self.name)))
    }

    /// Takes no new items until it is resumed; what is in work goes on.
    pub fn pause(&self) {
        self.shared.paused.send_replace(true);
    }

    /// Takes new items again.
    pub fn resume(&self) {
        self.shared.paused.send_replace(false);
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// The numbers by which its pool is sized, as of the last second.
    #[must_use]
    pub fn scaling(&self) -> Scaling {
        self.shared.scaling()
    }

    /// What it counts.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counts.all.clone()
    }

    /// Lists and works until `shutdown` drains and what is in work has ended, or until it stops:
    /// then the rest is given back, no attempt burnt.
    ///
    /// A source or queue that is away ends nothing: [`status`](Self::status) says so, and it is
    /// tried again and again.
    ///
    /// # Errors
    /// [`entourage_queue::Error`] for a name or options with which no queue would ever work.
    ///
    /// # Cancel safety
    /// Dropping the future gives back what is in work, no attempt burnt.
    pub async fn run(&self, shutdown: &Shutdown) -> Result<()> {
        let running = Running::begin(&self.shared);
        let joined = tokio::select! {
            biased;
            () = shutdown.draining() => None,
            joined = self.join() => Some(joined?),
        };
        if let Some((receiver, settler)) = joined {
            self.work(receiver, settler, shutdown).await;
        }
        drop(running);
        Ok(())
    }

    /// Joins the group, however long the queue is away.
    async fn join(&self) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        let WorkQueueOptions { lease, time_limit, delivery_limit, capacity, .. } = self.options;
        // The manager keeps the limit; the queue's own is for one that does not.
        let subscription = SubscribeOptions::new()
            .with_lease(lease)
            .with_time_limit(time_limit.saturating_add(lease).saturating_add(self.options.grace))
            .with_delivery_limit(delivery_limit);
        // Ids are remembered by the ledger, and exactly: a window would only keep an item that
        // has come back from being worked on.
        let kept = TopicOptions::new().with_capacity(capacity).with_dedupe(Duration::ZERO, 1);
        let (topic, group) = self.topic();
        let (clock, mut backoff) = (self.queue.clock(), self.backoff());
        loop {
            let joined = match self.queue.configure(&topic, kept).await {
                Ok(()) => self.queue.subscribe(std::slice::from_ref(&topic), &group, subscription).await,
                Err(error) => Err(error),
            };
            match joined {
                Ok(joined) => {
                    self.shared.up(Asked::Queue);
                    return Ok(joined);
                }
                Err(
                    error @ (entourage_queue::Error::Invalid(_) | entourage_queue::Error::TooLarge { .. }),
                ) => {
                    return Err(error);
                }
                Err(error) => {
                    self.shared.down(Asked::Queue, clock.now(), &error);
                    sleep(&*clock, backoff.next_delay()).await;
                }
            }
        }
    }

    /// The waits for a source or queue that is away.
    fn backoff(&self) -> Backoff {
        let seed = RandomState::new().hash_one("backoff");
        Backoff::new(Duration::from_millis(100), self.options.backoff_cap, seed)
    }
}

impl Describe for WorkQueue {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.source.describe(blueprint);
        let node = Node::new("workqueue", &*self.name).with_counters(self.counters());
        blueprint.add_node(node.sink(Sink::default()).retries());
        blueprint.add_edge(entourage_blueprint::Edge::new(self.source.name(), &*self.name, "items"));
    }
}
