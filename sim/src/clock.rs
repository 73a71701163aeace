//! Virtual time.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use entourage_core::{Bark, Clock, Moment, Sleep, Timeline, Watchdog};

use crate::{
    dial::Rate,
    rng::Rng,
    timers::{Alarm, Event, Key, Timers},
};

/// Waits for a moment that has come, at one and the same moment, after which nothing but a loop
/// that never waits is left. On a machine it would go on until the clock has moved.
const MOST_SPINS: u64 = 100_000;

/// Virtual time: it stands still until every process of the simulation waits, and then goes
/// to the next moment that anybody waits for.
///
/// So a simulated hour costs no more than what happens in it. [`Sim::clock`](crate::Sim::clock)
/// shows the true time, by which stores and queues judge; [`Context::clock`](crate::Context::clock)
/// is the clock of the process's own machine, which shows the same unless something befalls it.
#[derive(Clone, Debug)]
pub struct SimClock {
    timers: Arc<Mutex<Timers>>,
    /// Which of the timers' clocks it is.
    clock: usize,
    timeline: Timeline,
}

impl SimClock {
    pub(crate) fn new() -> Self {
        let timers = Arc::new(Mutex::new(Timers::new()));
        Self { timers, clock: Timers::TRUE, timeline: Timeline::new("sim") }
    }

    /// The clock of another machine, which shows `shown` now.
    pub(crate) fn another(&self, machine: &str, shown: Moment) -> Self {
        let clock = self.timers().add(shown);
        Self { timers: Arc::clone(&self.timers), clock, timeline: Timeline::new(format!("sim {machine}")) }
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        // Every update leaves whole heaps behind.
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, at: Moment, event: Event, process: usize) {
        self.timers().set(self.clock, at, Alarm::Happen(event, process));
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.timers().next()
    }

    /// Moves time to `next`, the next thing that is due, wakes whom it concerns, and returns what
    /// else is due.
    pub(crate) fn advance(&self, next: Moment) -> Vec<(Event, usize)> {
        let due = self.timers().advance(next);
        let mut events = Vec::new();
        for alarm in due {
            match alarm {
                Alarm::Wake(waker) => waker.wake(),
                Alarm::Happen(event, process) => events.push((event, process)),
            }
        }
        events
    }

    pub(crate) fn set_rate(&self, rate: Rate) {
        self.timers().set_rate(self.clock, rate);
    }

    pub(crate) fn set_frozen(&self, frozen: bool) {
        self.timers().set_frozen(self.clock, frozen);
    }

    pub(crate) fn fall_asleep(&self) {
        self.timers().sleep(self.clock);
    }

    pub(crate) fn wake_up(&self, rng: &mut Rng) {
        self.timers().wake(self.clock, rng);
    }

    /// Forgets all alarms, and with them the tasks that they would wake.
    pub(crate) fn clear(&self) {
        let alarms = self.timers().clear();
        drop(alarms);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Moment {
        self.timers().shows(self.clock)
    }

    fn timeline(&self) -> Timeline {
        self.timeline.clone()
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
        if let Some(key) = self.key {
            // It is over when its alarm has gone off, which may be late.
            let replaced = timers.replace(key, context.waker().clone());
            drop(timers);
            return match replaced {
                Ok(former) => {
                    drop(former);
                    Poll::Pending
                }
                Err(_) => Poll::Ready(()),
            };
        }
        if at <= timers.shows(clock.clock) {
            // Only a wait that was none at all: one that was slept through took time.
            let spins = timers.spin();
            drop(timers);
            assert!(
                spins < MOST_SPINS,
                "{spins} waits were for {at:?}, which had come: something polls without waiting"
            );
            return Poll::Ready(());
        }
        // No alarm for ever: a simulation in which all wait for it is stuck, and says so.
        if at != Moment::NEVER {
            self.key = Some(timers.set(clock.clock, at, Alarm::Wake(context.waker().clone())));
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
