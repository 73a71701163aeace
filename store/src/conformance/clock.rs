//! Time that stands still until a test moves it.

use std::{sync::Arc, time::Duration};

use entourage_core::{Bark, Clock, Moment, Sleep, Timeline, Watchdog};
use tokio::sync::watch;

/// A clock that stands still until [`ManualClock::advance`], from any thread.
///
/// [`PausedClock`](entourage_core::PausedClock) moves by itself whenever its runtime looks
/// idle, which a backend with a thread of its own makes it look, and to the millisecond; a
/// deadline is tested to the nanosecond.
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
                // The clock is gone and time with it.
                std::future::pending::<()>().await;
            }
        })
    }

    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Watchdog::on_runtime(self, at, bark)
    }
}
