//! Waits for conditions, with a deadline. The one place where tests wait.

use std::{thread, time::Duration};

use entourage_core::{Clock, Moment, SystemClock, sleep};

/// What `condition` found, asked again and again until it finds something.
///
/// # Panics
/// Once `deadline` has passed, saying that it was not seen that `what`: a sentence such as
/// "the file is made".
#[track_caller]
pub fn eventually<T>(deadline: Duration, what: &str, condition: impl FnMut() -> Option<T>) -> T {
    poll(deadline, condition).unwrap_or_else(|| too_late(deadline, what))
}

/// As [`eventually`], for a condition that has to be awaited.
///
/// It waits on the system's clock: under tokio's paused time it spins until the deadline.
///
/// # Panics
/// As [`eventually`].
pub async fn eventually_async<T>(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let clock = SystemClock::new();
    let mut waits = Waits::until(deadline);
    loop {
        // Whether the time is up is read first, so that the last look is a late one.
        let wait = waits.next();
        if let Some(found) = condition().await {
            return found;
        }
        match wait {
            Some(wait) => sleep(&clock, wait).await,
            None => too_late(deadline, what),
        }
    }
}

/// Lets time pass, so that a fault comes at a moment of its own.
///
/// It waits for nothing: whoever waits for something wants [`eventually`].
pub fn let_pass(duration: Duration) {
    let clock = SystemClock::new();
    let until = clock.now() + duration;
    while !until.since(clock.now()).is_zero() {
        thread::park_timeout(until.since(clock.now()));
    }
}

/// As [`eventually`], for callers with a better message.
pub(crate) fn poll<T>(deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let mut waits = Waits::until(deadline);
    loop {
        let wait = waits.next();
        if let Some(found) = condition() {
            return Some(found);
        }
        thread::park_timeout(wait?);
    }
}

#[track_caller]
fn too_late(deadline: Duration, what: &str) -> ! {
    panic!("not seen within {deadline:?}: {what}")
}

/// Short waits that grow, until a moment.
struct Waits {
    until: Moment,
    next: Duration,
}

impl Waits {
    const LONGEST: Duration = Duration::from_millis(50);

    fn until(deadline: Duration) -> Self {
        Self { until: SystemClock::new().now() + deadline, next: Duration::from_millis(1) }
    }

    /// How long to wait before the next look; `None` when the deadline has passed.
    fn next(&mut self) -> Option<Duration> {
        let left = self.until.since(SystemClock::new().now());
        let wait = self.next.min(left);
        self.next = (self.next * 2).min(Self::LONGEST);
        (!left.is_zero()).then_some(wait)
    }
}
