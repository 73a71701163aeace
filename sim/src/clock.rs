//! Virtual time.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use entourage_core::{Bark, Clock, Moment, Sleep, Timeline, Watchdog};

use crate::timers::{Alarm, Event, Key, Timers};

/// Waits for a moment that has come, at one and the same moment, after which nothing but a loop
/// that never waits is left. On a machine it would go on until the clock has moved.
const MOST_SPINS: u64 = 100_000;

/// Virtual time: it stands still until every process of the simulation waits, and then goes
/// to the next moment that anybody waits for.
///
/// So a simulated hour costs no more than what happens in it. Stores, queues and processes of
/// one simulation share one; [`Sim::clock`](crate::Sim::clock) hands it out.
#[derive(Clone, Debug)]
pub struct SimClock {
    timers: Arc<Mutex<Timers>>,
}

impl SimClock {
    pub(crate) fn new() -> Self {
        Self { timers: Arc::new(Mutex::new(Timers::default())) }
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        // Every update leaves a whole heap behind.
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, at: Moment, event: Event, process: usize) {
        self.timers().set(at, Alarm::Happen(event, process));
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.timers().next()
    }

    /// Moves time, wakes whom it concerns, and returns what else is due.
    pub(crate) fn advance(&self) -> Vec<(Event, usize)> {
        let due = self.timers().advance();
        let mut events = Vec::new();
        for alarm in due {
            match alarm {
                Alarm::Wake(waker) => waker.wake(),
                Alarm::Happen(event, process) => events.push((event, process)),
            }
        }
        events
    }

    /// Forgets all alarms, and with them the tasks that they would wake.
    pub(crate) fn clear(&self) {
        let alarms = self.timers().clear();
        drop(alarms);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Moment {
        self.timers().now()
    }

    fn timeline(&self) -> Timeline {
        Timeline::new("sim")
    }

    fn sleep_until(&self, at: Moment) -> Sleep {
        Box::pin(Nap { clock: self.clone(), at, key: None })
    }

    /// Barks from a task of the process that armed it, so a crash silences it.
    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Watchdog::on_runtime(self, at, bark)
    }
}

/// A wait for a moment.
#[derive(Debug)]
struct Nap {
    clock: SimClock,
    at: Moment,
    key: Option<Key>,
}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        let clock = self.clock.clone();
        let mut timers = clock.timers();
        if at <= timers.now() {
            // Only a wait that was none at all: one that was slept through took time.
            let spins = if self.key.is_none() { timers.spin() } else { 0 };
            drop(timers);
            assert!(
                spins < MOST_SPINS,
                "{spins} waits were for {at:?}, which had come: something polls without waiting"
            );
            return Poll::Ready(());
        }
        // No alarm for ever: a simulation in which all wait for it is stuck, and says so.
        if at != Moment::NEVER {
            let waker = context.waker().clone();
            let former = match self.key {
                Some(key) => timers.replace(key, waker),
                None => {
                    self.key = Some(timers.set(at, Alarm::Wake(waker)));
                    None
                }
            };
            drop(timers);
            drop(former);
        }
        Poll::Pending
    }
}

impl Drop for Nap {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let cancelled = self.clock.timers().cancel(key);
            drop(cancelled);
        }
    }
}
