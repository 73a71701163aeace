//! How soon a server is tried again that could not be reached.

use std::time::Duration;

use entourage_core::{Backoff, Clock, Moment};

/// When the next try to connect may be made.
#[derive(Debug)]
pub(super) struct Pace {
    backoff: Backoff,
    next: Moment,
}

impl Pace {
    const FIRST: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_secs(1);

    pub(super) fn new(clock: &dyn Clock) -> Self {
        let seed = clock.now().as_nanos() ^ u64::from(std::process::id()).rotate_left(32);
        Self { backoff: Backoff::new(Self::FIRST, Self::LONGEST, seed), next: Moment::ZERO }
    }

    /// Waits for the next try, or until a deadline that is earlier; says whether there is one.
    pub(super) async fn turn(&self, clock: &dyn Clock, deadline: Moment) -> bool {
        clock.sleep_until(self.next.min(deadline)).await;
        clock.now() < deadline
    }

    pub(super) fn has_failed(&mut self, clock: &dyn Clock) {
        self.next = clock.now() + self.backoff.next_delay();
    }

    pub(super) const fn has_succeeded(&mut self) {
        self.backoff.reset();
        self.next = Moment::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use entourage_core::PausedClock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_are_paced_and_never_later_than_the_deadline() {
        let clock = PausedClock::new();
        let mut pace = Pace::new(&clock);
        assert!(pace.turn(&clock, clock.now() + Duration::from_secs(1)).await, "the first try is free");
        for _ in 0..100 {
            pace.has_failed(&clock);
            assert!(pace.next <= clock.now() + Pace::LONGEST);
            pace.next = pace.next.max(clock.now() + Duration::from_nanos(2));
            let deadline = clock.now() + Duration::from_nanos(1);
            assert!(!pace.turn(&clock, deadline).await);
        }
        pace.has_succeeded();
        assert!(pace.turn(&clock, clock.now() + Duration::from_secs(1)).await);
    }
}
