//! Ends a program in two phases: take no more, then stop.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

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
/// The phase only ever advances.
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
    phase: Arc<watch::Sender<Phase>>,
}

impl Shutdown {
    /// A token in [`Phase::Running`].
    #[must_use]
    pub fn new() -> Self {
        Self { phase: Arc::new(watch::Sender::new(Phase::Running)) }
    }

    /// The present phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
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
        self.reached(Phase::Draining).await;
    }

    /// Waits until everything must stop. Cancel-safe.
    pub async fn stopped(&self) {
        self.reached(Phase::Stopped).await;
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let forward = *phase < to;
            *phase = (*phase).max(to);
            forward
        });
    }

    async fn reached(&self, phase: Phase) {
        let mut seen = self.phase.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = seen.wait_for(|now| *now >= phase).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
