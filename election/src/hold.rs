//! Whether something is held, answered by one look at the clock.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use entourage_core::{Clock, Moment, Watchdog, planted};
use tokio::sync::Notify;

use crate::counts::{Counts, End};

/// No clock reads a moment before it.
const ENDED: u64 = 0;

/// The belief of one ownership, which its driver extends and everybody reads.
///
/// Once it has ended, or was seen to have ended by anybody, nothing extends it any more.
pub(crate) struct Hold {
    clock: Arc<dyn Clock>,
    until: AtomicU64,
    ended: Notify,
    watchdog: Mutex<Option<Watchdog>>,
    counts: Arc<Counts>,
}

impl Hold {
    /// Held until this moment.
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        until: Moment,
        watchdog: Option<Watchdog>,
        counts: Arc<Counts>,
    ) -> Self {
        let (until, watchdog) = (AtomicU64::new(until.as_nanos()), Mutex::new(watchdog));
        Self { clock, until, ended: Notify::new(), watchdog, counts }
    }

    /// Whether it is held now: one look at the clock.
    pub(crate) fn is_held(&self) -> bool {
        if planted("lease-cached-is-held") && self.until.load(Ordering::Acquire) != ENDED {
            return true;
        }
        if planted("lease-reads-a-wall-clock") && wall(self.clock.now()) < self.until() {
            return true;
        }
        self.look()
    }

    fn look(&self) -> bool {
        loop {
            let until = self.until.load(Ordering::Acquire);
            if self.clock.now().as_nanos() < until {
                return true;
            }
            // Whoever was told that it is over may act on it, so it stays over.
            if until == ENDED {
                return false;
            }
            if self.swap(until, ENDED) {
                self.counts.ended(End::Deadline);
                return false;
            }
        }
    }

    /// Until when it is held unless it is extended; the past once it has ended.
    pub(crate) fn until(&self) -> Moment {
        Moment::from_nanos(self.until.load(Ordering::Acquire))
    }

    /// Extends it, and the watchdog with it; false once it has ended.
    pub(crate) fn extend(&self, until: Moment, bark: Moment) -> bool {
        loop {
            let found = self.until.load(Ordering::Acquire);
            if found == ENDED && !planted("lease-renews-after-expiry") {
                return false;
            }
            if self.swap(found, until.as_nanos().max(found)) {
                if let Some(watchdog) = &*self.watchdog.lock().unwrap_or_else(PoisonError::into_inner) {
                    watchdog.postpone(bark);
                }
                return true;
            }
        }
    }

    /// Ends it for ever, in this way unless it had ended before.
    pub(crate) fn end(&self, how: End) {
        let until = self.until.swap(ENDED, Ordering::AcqRel);
        if until != ENDED || planted("election-counts-an-end-twice") {
            let is_over = self.clock.now().as_nanos() >= until;
            self.counts.ended(if is_over { End::Deadline } else { how });
        }
        self.ended.notify_waiters();
    }

    /// Calls the watchdog off: nothing of what it guards is left.
    pub(crate) fn call_off(&self) {
        *self.watchdog.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until it has ended. Cancel-safe.
    pub(crate) async fn lost(&self) {
        loop {
            // A wait that is there before the look misses no news.
            let news = self.ended.notified();
            let until = self.until();
            if !self.look() {
                return;
            }
            tokio::select! {
                biased;
                () = news => {}
                () = self.clock.sleep_until(until) => {}
            }
        }
    }

    fn swap(&self, found: u64, next: u64) -> bool {
        self.until.compare_exchange(found, next, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// A clock that somebody sets: in every other second it is a second behind.
fn wall(now: Moment) -> Moment {
    const SECOND: u64 = 1_000_000_000;
    let now = now.as_nanos();
    Moment::from_nanos(now.saturating_sub((now / SECOND % 2) * SECOND))
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("until", &self.until()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entourage_core::{PausedClock, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn hold(clock: &PausedClock) -> Hold {
        Hold::new(Arc::new(clock.clone()), clock.now() + SECOND, None, Arc::new(Counts::new()))
    }

    #[tokio::test(start_paused = true)]
    async fn e3_is_held_reads_the_clock_each_time() {
        let clock = PausedClock::new();
        let hold = hold(&clock);
        sleep(&clock, SECOND - Duration::from_millis(1)).await;
        assert!(hold.is_held());
        sleep(&clock, Duration::from_millis(1)).await;
        assert!(!hold.is_held());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_to_have_ended_is_not_extended() {
        let clock = PausedClock::new();
        let hold = hold(&clock);
        sleep(&clock, SECOND).await;
        assert!(!hold.is_held());
        assert!(!hold.extend(clock.now() + SECOND, Moment::NEVER));
        assert!(!hold.is_held());
    }

    #[tokio::test(start_paused = true)]
    async fn lost_comes_at_the_deadline_and_follows_it() {
        let clock = PausedClock::new();
        let (hold, start) = (hold(&clock), clock.now());
        assert!(hold.extend(start + 3 * SECOND, Moment::NEVER));
        hold.lost().await;
        assert_eq!(clock.now(), start + 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn lost_comes_at_once_when_it_is_ended() {
        let clock = PausedClock::new();
        let (hold, start) = (Arc::new(hold(&clock)), clock.now());
        let ended = Arc::clone(&hold);
        let (_, ()) = tokio::join!(biased; hold.lost(), async move { ended.end(End::Released) });
        assert_eq!(clock.now(), start);
    }
}
