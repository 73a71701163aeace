//! What a simulated process is given.

use std::{sync::Arc, time::Duration};

use entourage_core::Clock;
use entourage_queue::Queue;
use entourage_store::Store;

use crate::{
    history::History,
    link::Link,
    rng::Rng,
    substrate::{SimQueue, SimStore},
};

/// What a simulated process is given: its name, its time and its way to the substrates.
///
/// It belongs to one incarnation. After a crash the program is called with a new one, and has
/// nothing of the former but what the substrates kept.
#[derive(Clone, Debug)]
pub struct Context {
    link: Link,
    seed: u64,
}

impl Context {
    pub(crate) const fn new(link: Link, seed: u64) -> Self {
        Self { link, seed }
    }

    pub(crate) fn link(&self) -> Link {
        self.link.clone()
    }

    /// The process's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.link.name
    }

    /// How often it has started, from 1.
    #[must_use]
    pub const fn incarnation(&self) -> u32 {
        self.link.incarnation
    }

    /// The simulation's clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.link.world.clock.clone())
    }

    /// Waits. Cancel-safe.
    pub async fn sleep(&self, time: Duration) {
        self.link.sleep(time).await;
    }

    /// Chance for the program itself: another for each process and incarnation.
    #[must_use]
    pub fn rng(&self) -> Rng {
        let place = u64::from(self.link.incarnation) << 32 | self.link.process as u64;
        Rng::new(self.seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15)).fork()
    }

    /// `store`, as this process reaches it.
    #[must_use]
    pub fn store(&self, store: &Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(SimStore::new(self, Arc::clone(store)))
    }

    /// `queue`, as this process reaches it.
    #[must_use]
    pub fn queue(&self, queue: &Arc<dyn Queue>) -> Arc<dyn Queue> {
        Arc::new(SimQueue::new(self, Arc::clone(queue)))
    }

    /// What the processes record, for a checker.
    #[must_use]
    pub fn history(&self) -> History {
        self.link.world.history.clone()
    }

    /// Kills the process of this name, which starts again later.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn kill(&self, name: &str) {
        self.link.world.kill(self.place(name), format_args!("by {}", self.name()));
    }

    /// Makes the process of this name stand still, unaware of it.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn pause(&self, name: &str, time: Duration) {
        self.link.world.pause(self.place(name), time);
    }

    /// Cuts the process of this name off from every substrate.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn partition(&self, name: &str, time: Duration) {
        self.link.world.cut(self.place(name), time);
    }

    fn place(&self, name: &str) -> usize {
        match self.link.world.place(name) {
            Some(place) => place,
            None => panic!("no process is called {name}"),
        }
    }
}
