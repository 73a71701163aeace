//! What a simulated process is given.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entourage_core::{Clock, sleep};
use entourage_queue::Queue;
use entourage_store::Store;

use crate::{
    dial::Rate,
    faults::Stall,
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
    chance: Arc<Mutex<Rng>>,
}

impl Context {
    pub(crate) fn new(link: Link, seed: u64) -> Self {
        let place = u64::from(link.incarnation) << 32 | link.process as u64;
        // Forked, since neighbouring states draw the same numbers one after the other.
        let chance = Rng::new(seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15)).fork();
        Self { link, chance: Arc::new(Mutex::new(chance)) }
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

    /// The clock of the process's machine, which may run too fast or too slow.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.link.clock.clone())
    }

    /// Waits, by the process's own clock. Cancel-safe.
    pub async fn sleep(&self, time: Duration) {
        sleep(&self.link.clock, time).await;
    }

    /// Chance for the program itself: another for each process, incarnation and call.
    #[must_use]
    pub fn rng(&self) -> Rng {
        // A generator is whole whatever happens around it.
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).fork()
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

    /// Makes the process of this name stand still while its clock goes on, unaware of it: a
    /// garbage collection, a frozen container, `SIGSTOP`.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn pause(&self, name: &str, time: Duration) {
        self.link.world.stall(self.place(name), Stall::Pause, time);
    }

    /// Puts the machine of the process of this name to sleep: a closed lid. When it wakes, its
    /// clock has gone on, and what was due meanwhile comes up to a quarter of a second late.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn suspend(&self, name: &str, time: Duration) {
        self.link.world.stall(self.place(name), Stall::Suspend, time);
    }

    /// Makes the machine of the process of this name stand still, and its clock with it: a
    /// virtual machine that is paused. Nothing tells the process afterwards.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn freeze(&self, name: &str, time: Duration) {
        self.link.world.stall(self.place(name), Stall::Freeze, time);
    }

    /// Has the clock of the process of this name show so many seconds a second from now on:
    /// a quartz that is off, NTP that slews.
    ///
    /// # Panics
    /// If there is no such process, or the rate is not above zero.
    pub fn set_clock_rate(&self, name: &str, rate: f64) {
        assert!(rate > 0.0, "a clock's rate is above zero; freeze the process to stop its clock");
        self.link.world.set_rate(self.place(name), Rate::new(rate));
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
