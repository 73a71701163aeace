//! A queue in the memory of one process.

mod broker;
mod options;
mod state;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Moment, Realm, SystemClock};
use tokio::sync::watch;

use crate::{
    capabilities::Capabilities,
    consumer,
    counts::Counts,
    error::Result,
    item::{Group, Publication, Published, Topic},
    limits,
    options::{SubscribeOptions, TopicOptions},
    queue::Queue,
    receiver::Receiver,
    settler::Settler,
    state::Record,
    stats::{Dead, Redrive, Stats},
};

use self::state::State;

pub use self::options::MemoryOptions;

/// A queue in the memory of one process: fast, complete, and gone with the process.
///
/// A clone is a handle to the same queue. Beyond a call's answer depending on the clock it is
/// deterministic, so a simulation that replays its calls replays its answers.
///
/// # Examples
/// ```
/// use entourage_queue::{Item, MemoryQueue, Publication, Queue};
///
/// # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
/// let queue = MemoryQueue::new();
/// queue.publish(vec![Publication::new("mail", Item::new("17", "hello"))]).await?;
/// assert_eq!(queue.stats(&"mail".into(), &"senders".into()).await?.ready, 1);
/// # Ok::<(), entourage_queue::Error>(()) }).expect("it works");
/// ```
#[derive(Clone, Debug)]
pub struct MemoryQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    realm: Realm,
    clock: Arc<dyn Clock>,
    counts: Counts,
    state: Mutex<State>,
    receivers: watch::Sender<()>,
    publishers: watch::Sender<()>,
}

impl MemoryQueue {
    /// An empty queue on the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// An empty queue on this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::with_options(clock, MemoryOptions::new())
    }

    /// An empty queue on this clock, made like this.
    #[must_use]
    pub fn with_options(clock: Arc<dyn Clock>, options: MemoryOptions) -> Self {
        let counts = Counts::new();
        let shared = Shared {
            name: options.name,
            realm: options.realm.unwrap_or_else(random_realm),
            clock,
            counts: counts.clone(),
            state: Mutex::new(State::new(options.topics, counts)),
            receivers: watch::Sender::new(()),
            publishers: watch::Sender::new(()),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    /// One atomic effect, and then a word to those whom it concerns.
    fn with<T>(&self, effect: impl FnOnce(&mut State, Moment) -> T) -> T {
        let (answer, wakes) = {
            let mut state = self.lock();
            // Read under the lock, so that effects and their moments have one order.
            let now = self.clock.now();
            let answer = effect(&mut state, now);
            (answer, state.take_wakes())
        };
        if wakes.receivers {
            self.receivers.send_replace(());
        }
        // Who waits for room subscribes before he looks: one who comes later sees the effect.
        if wakes.publishers && self.publishers.receiver_count() > 0 {
            self.publishers.send_replace(());
        }
        answer
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Deliveries are given back while a panic unwinds, so a poisoned lock is no reason to
        // panic again; an effect has no half that another call could see.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Draws a realm from std's seeds for hash maps, which come from the operating system.
fn random_realm() -> Realm {
    let half = |n: u64| u128::from(RandomState::new().hash_one(n));
    Realm::new(half(0) << 64 | half(1))
}

impl Describe for MemoryQueue {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.shared.counts.describe(blueprint, &self.shared.name, "memory");
    }
}

#[async_trait::async_trait]
impl Queue for MemoryQueue {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new()
    }

    fn realm(&self) -> Realm {
        self.shared.realm
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }

    async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()> {
        limits::check_topic(topic, &options)?;
        self.shared.with(|state, _| state.configure(topic, options));
        Ok(())
    }

    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        limits::check_publish(&batch, &self.capabilities())?;
        // A publisher that is never refused must not keep the runtime to itself.
        tokio::task::coop::consume_budget().await;
        let answer = self.shared.with(|state, now| state.publish(batch, now));
        self.shared.counts.published(&answer);
        answer
    }

    async fn subscribe(
        &self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        consumer::subscribe(Arc::new(self.clone()), topics, group, options).await
    }

    async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats> {
        Ok(self.shared.with(|state, now| state.stats(topic, group, now)))
    }

    async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
        Ok(self.shared.with(|state, now| state.dead(topic, group, limit, now)))
    }

    async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64> {
        self.shared.with(|state, now| state.redrive(topic, group, &which, now))
    }

    async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>> {
        Ok(self.shared.lock().records(group, prefix))
    }

    async fn room(&self, topic: &Topic, items: u64) -> Result<()> {
        let mut changes = self.shared.publishers.subscribe();
        loop {
            let look = |state: &mut State, now| (state.has_room(topic, items, now), state.next_deadline());
            let (has_room, deadline) = self.shared.with(look);
            if has_room {
                return Ok(());
            }
            // A lease that ends may make a dead letter of its item, which is room.
            let deadline = consumer::sleep_until(&*self.shared.clock, deadline.unwrap_or(Moment::NEVER));
            tokio::select! {
                biased;
                // The sender lives as long as `self`.
                _ = changes.changed() => {}
                () = deadline => {}
            }
        }
    }
}
