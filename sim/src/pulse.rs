//! Driving a runtime exactly until it has nothing to do.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
};

use tokio::runtime::{Builder, Runtime};

/// The future that a runtime is driven by, as the rest of the simulation sees it.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    driver: Mutex<Option<Waker>>,
    idle: AtomicBool,
}

impl Pulse {
    /// Has the driver look again after the task that is being polled.
    pub(crate) fn ping(&self) {
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

/// A runtime with no thread, no IO and no timers of its own, which runs when it is told to.
pub(crate) struct Engine {
    runtime: Runtime,
    pulse: Arc<Pulse>,
}

impl Engine {
    pub(crate) fn new() -> Self {
        let pulse = Arc::new(Pulse::default());
        // The pulse has a waker of the runtime, which would keep itself alive by it.
        let seen = Arc::downgrade(&pulse);
        let runtime = Builder::new_current_thread()
            // The driver may act after every single task.
            .event_interval(1)
            // Called when no task is ready: the runtime would now wait for ever.
            .on_thread_park(move || {
                if let Some(pulse) = seen.upgrade() {
                    pulse.idle.store(true, Ordering::Relaxed);
                    pulse.ping();
                }
            })
            .build()
            .expect("a runtime without drivers needs nothing from the system");
        Self { runtime, pulse }
    }

    pub(crate) const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(crate) const fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// Whether a task was woken from outside, or spawned there.
    pub(crate) fn is_ready(&self) -> bool {
        self.runtime.metrics().global_queue_depth() > 0
    }

    /// Runs tasks until none is ready. `look` is asked whenever the pulse was pinged and at
    /// the end.
    pub(crate) fn drive(&self, mut look: impl FnMut() -> Look) {
        let pulse = &self.pulse;
        pulse.idle.store(false, Ordering::Relaxed);
        self.runtime.block_on(poll_fn(|context| {
            *pulse.driver.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            let idle = pulse.idle.swap(false, Ordering::Relaxed);
            match look() {
                Look::Stop => Poll::Ready(()),
                Look::Woke => Poll::Pending,
                Look::Nothing if idle => Poll::Ready(()),
                Look::Nothing => Poll::Pending,
            }
        }));
    }
}

/// What the driver finds when it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing new.
    Nothing,
    /// It woke a task, so the runtime is not idle.
    Woke,
    /// The process has died.
    Stop,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("pulse", &self.pulse).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_ends_when_no_task_is_ready_and_not_before() {
        let engine = Engine::new();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let first = engine.runtime().spawn(async move {
            let spawned = tokio::spawn(async {
                for _ in 0..200 {
                    tokio::task::yield_now().await;
                }
                7
            });
            spawned.await.unwrap() + receiver.await.unwrap_or(0)
        });
        assert!(engine.is_ready());
        engine.drive(|| Look::Nothing);
        assert!(!engine.is_ready() && !first.is_finished());
        sender.send(1).unwrap();
        assert!(engine.is_ready());
        engine.drive(|| Look::Nothing);
        assert_eq!(engine.runtime().block_on(first).unwrap(), 8);
    }

    #[test]
    fn a_drive_stops_right_after_the_task_that_pinged() {
        let engine = Engine::new();
        let (pulse, stop) = (Arc::clone(engine.pulse()), Arc::new(AtomicBool::new(false)));
        let (stopped, later) = (Arc::clone(&stop), Arc::new(AtomicBool::new(false)));
        engine.runtime().spawn(async move {
            stopped.store(true, Ordering::Relaxed);
            pulse.ping();
        });
        let ran = Arc::clone(&later);
        engine.runtime().spawn(async move { ran.store(true, Ordering::Relaxed) });
        engine.drive(|| if stop.load(Ordering::Relaxed) { Look::Stop } else { Look::Nothing });
        assert!(!later.load(Ordering::Relaxed));
    }

    #[test]
    fn an_engine_that_is_dropped_leaves_nothing_behind() {
        let engine = Engine::new();
        engine.drive(|| Look::Nothing);
        let pulse = Arc::downgrade(engine.pulse());
        drop(engine);
        assert_eq!(pulse.strong_count(), 0);
    }
}
