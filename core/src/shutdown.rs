//! Ends a program in two phases: take no more, then stop.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::clock::{Clock, sleep};

/// How far a shutdown has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Work is taken and done.
    #[default]
    Running,
    /// Nothing new is taken; what is in hand is finished.
    Draining,
    /// What is in hand is given back.
    Stopped,
}

/// A token that every loop of a program holds a clone of.
///
/// Loops stop taking work when it drains and give back what is unfinished when it stops.
/// The phase only ever advances. Those who wait for it are woken in the order in which they
/// began to, so that a simulation can be replayed.
///
/// # Examples
/// ```
/// use entourage_core::{Phase, Shutdown};
///
/// let shutdown = Shutdown::new();
/// let seen_by_a_loop = shutdown.clone();
/// shutdown.drain();
/// assert_eq!(seen_by_a_loop.phase(), Phase::Draining);
/// ```
#[derive(Clone, Debug)]
pub struct Shutdown {
    shared: Arc<Shared>,
}

/// What the clones share. No `watch` channel: it wakes its waiters in an order of chance.
#[derive(Debug, Default)]
struct Shared {
    phase: Mutex<Phase>,
    draining: Notify,
    stopped: Notify,
}

impl Shared {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        // A phase is whole whatever happens around it.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shutdown {
    /// A token in [`Phase::Running`].
    #[must_use]
    pub fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// The present phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.shared.phase()
    }

    /// Asks every loop to take nothing more.
    pub fn drain(&self) {
        self.advance(Phase::Draining);
    }

    /// Asks every loop to give back what it has not finished.
    pub fn stop(&self) {
        self.advance(Phase::Stopped);
    }

    /// Drains, then stops after `grace`.
    ///
    /// # Cancel safety
    /// Dropped before the grace is over, it leaves the token draining.
    pub async fn drain_then_stop(&self, clock: &dyn Clock, grace: Duration) {
        self.drain();
        sleep(clock, grace).await;
        self.stop();
    }

    /// Waits until draining has begun. Cancel-safe.
    pub async fn draining(&self) {
        self.reached(Phase::Draining, &self.shared.draining).await;
    }

    /// Waits until everything must stop. Cancel-safe.
    pub async fn stopped(&self) {
        self.reached(Phase::Stopped, &self.shared.stopped).await;
    }

    fn advance(&self, to: Phase) {
        let mut phase = self.shared.phase();
        *phase = (*phase).max(to);
        drop(phase);
        // Nobody waits any more for what was reached before.
        self.shared.draining.notify_waiters();
        if to == Phase::Stopped {
            self.shared.stopped.notify_waiters();
        }
    }

    async fn reached(&self, phase: Phase, news: &Notify) {
        // A wait that is there before the phase is read misses no news.
        let news = news.notified();
        if self.phase() < phase {
            news.await;
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
