//! Time that stands still until a test moves it.

use std::{future, sync::Arc, time::Duration};

use entourage_core::{Bark, Clock, Moment, Sleep, Timeline, Watchdog};
use tokio::sync::watch;

/// A clock that stands still until [`ManualClock::advance`], seen alike by every thread.
///
/// For backends that live by a clock they are given: a deadline is then tested to the
/// nanosecond, in no time. [`PausedClock`](entourage_core::PausedClock) moves by itself
/// whenever its runtime looks idle, which a backend with a thread of its own makes it look, and
/// only to the millisecond.
///
/// # Examples
/// ```
/// # use std::time::Duration;
/// use entourage_core::Clock;
/// use entourage_engine::conformance::ManualClock;
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_nanos(1));
/// assert_eq!(clock.now().since(before), Duration::from_nanos(1));
/// ```
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Moment>,
}

impl ManualClock {
    /// A clock that stands some way after its timeline's start.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let start = Moment::ZERO + Duration::from_secs(1000);
        Arc::new(Self { now: watch::Sender::new(start) })
    }

    /// Moves time on; whoever waits for a moment up to then is woken.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = *now + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        *self.now.borrow()
    }

    fn timeline(&self) -> Timeline {
        Timeline::new("manual")
    }

    fn sleep_until(&self, at: Moment) -> Sleep {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            if now.wait_for(|now| *now >= at).await.is_err() {
                // The clock is gone, and time with it.
                future::pending::<()>().await;
            }
        })
    }

    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Watchdog::on_runtime(self, at, bark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::patience::Patience;

    #[tokio::test]
    async fn whoever_waits_is_woken_at_the_moment_and_not_before() {
        let clock = ManualClock::new();
        let mut sleep = clock.sleep_until(clock.now() + Duration::from_secs(1));
        clock.advance(Duration::from_nanos(999_999_999));
        assert_eq!(Patience::TURNS.attempt(sleep.as_mut()).await, None);
        clock.advance(Duration::from_nanos(1));
        assert_eq!(Patience::TURNS.attempt(sleep).await, Some(()));
    }
}
