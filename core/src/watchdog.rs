//! An alarm that goes off unless somebody keeps postponing it.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::clock::{Clock, Moment, SystemClock};

/// What a watchdog does when its time has come.
pub type Bark = Box<dyn FnOnce() + Send>;

/// A guard that barks at a moment unless it is dropped or postponed before.
///
/// It holds a deadline that must end something even when the runtime that should end it has
/// stalled: the book's chapter on ownership election asks for one beside every lock.
#[must_use = "dropping a watchdog disarms it"]
pub struct Watchdog {
    alarm: Arc<Alarm>,
    runner: Option<tokio::task::AbortHandle>,
}

/// The deadline that the guard and its runner share; `None` once disarmed.
struct Alarm {
    at: Mutex<Option<Moment>>,
    moved: Condvar,
}

impl Alarm {
    fn lock(&self) -> MutexGuard<'_, Option<Moment>> {
        // A panic while the lock is held leaves a whole value behind.
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchdog {
    /// A watchdog on a thread of its own, for clocks that run without a runtime.
    pub(crate) fn on_thread(at: Moment, bark: Bark) -> Self {
        let alarm = Arc::new(Alarm { at: Mutex::new(Some(at)), moved: Condvar::new() });
        let shared = Arc::clone(&alarm);
        thread::spawn(move || {
            let mut deadline = shared.lock();
            while let Some(at) = *deadline {
                let left = at.since(SystemClock::read());
                if left.is_zero() {
                    drop(deadline);
                    return bark();
                }
                // Cut, because a condition variable's time stands still in suspend.
                let slice = left.min(SystemClock::SLICE);
                let waited = shared.moved.wait_timeout(deadline, slice);
                deadline = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        });
        Self { alarm, runner: None }
    }

    /// A watchdog on the current runtime, for clocks that a test or a simulation owns.
    pub fn on_runtime(clock: Arc<dyn Clock>, at: Moment, bark: Bark) -> Self {
        let alarm = Arc::new(Alarm { at: Mutex::new(Some(at)), moved: Condvar::new() });
        let shared = Arc::clone(&alarm);
        let runner = tokio::spawn(async move {
            loop {
                let next = *shared.lock();
                match next {
                    None => return,
                    Some(at) if clock.now() >= at => return bark(),
                    Some(at) => clock.sleep_until(at).await,
                }
            }
        });
        Self { alarm, runner: Some(runner.abort_handle()) }
    }

    /// Moves the deadline. Only ever to a later moment: an earlier one is heeded at the old time.
    pub fn postpone(&self, until: Moment) {
        *self.alarm.lock() = Some(until);
        self.alarm.moved.notify_all();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.alarm.lock() = None;
        self.alarm.moved.notify_all();
        if let Some(runner) = &self.runner {
            runner.abort();
        }
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog").field("at", &*self.alarm.lock()).finish_non_exhaustive()
    }
}
