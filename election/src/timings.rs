//! How long an owner may be silent, and how early it stops believing.

use std::{fmt, time::Duration};

use entourage_core::{Backoff, planted};

/// How long an owner may be silent, and how early it stops believing; checked when it is built.
///
/// All are measured from the moment at which the last confirmed renewal was *sent*:
///
/// ```text
/// 0        renew_after              hold     + grace     ttl
/// |- quiet -|- renewing, with retries -|- stopping -|------|
///   held      held                        not held      free for another
/// ```
///
/// The owner stops believing at `hold`, and nobody else is granted before `ttl` has passed at the
/// store. So the owner's clock may run slower than the store's by a factor of up to
/// [`Timings::tolerated_skew`] = `ttl / hold`, 4/3 by default, before two could believe at once.
/// No clock helps against a machine that is paused with its clock: there only the fence does.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use entourage_election::Timings;
///
/// let timings = Timings::builder().ttl(Duration::from_secs(12)).build()?;
/// assert_eq!(timings.renew_after(), Duration::from_secs(4));
/// assert_eq!(timings.hold(), Duration::from_secs(9));
///
/// let late = Timings::builder().ttl(Duration::from_secs(12)).renew_after(Duration::from_secs(7));
/// assert!(late.build().unwrap_err().to_string().contains("7s"));
/// # Ok::<(), entourage_election::ImpossibleTimings>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    ttl: Duration,
    renew_after: Duration,
    hold: Duration,
    grace: Duration,
    patience: Duration,
}

impl Timings {
    /// The shortest time to live: below it, timers and schedulers are too coarse.
    pub const MIN_TTL: Duration = Duration::from_millis(100);
    /// The time to live if none is chosen.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(15);

    /// Timings derived from a time to live of 15 seconds, unless something else is said.
    pub const fn builder() -> TimingsBuilder {
        TimingsBuilder { ttl: Self::DEFAULT_TTL, renew_after: None, hold: None, grace: None, patience: None }
    }

    /// How long the store waits for a renewal before it grants another.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// How long after the last renewal the next is sent; a third of the time to live by default.
    #[must_use]
    pub const fn renew_after(&self) -> Duration {
        self.renew_after
    }

    /// How long after the last renewal the owner stops believing; three quarters by default.
    #[must_use]
    pub const fn hold(&self) -> Duration {
        self.hold
    }

    /// How long guarded work may take to stop after that; an eighth by default.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        self.grace
    }

    /// How long an answer to a renewal is awaited before it is sent again; a sixth by default.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// How many times slower than the store's clock the owner's may run before two could believe
    /// at once.
    #[must_use]
    pub fn tolerated_skew(&self) -> f64 {
        self.ttl.as_secs_f64() / self.hold.as_secs_f64()
    }

    /// When the watchdog barks: half-way between the end of the grace and the time to live.
    pub(crate) fn bark(&self) -> Duration {
        let stopped = self.hold.saturating_add(self.grace);
        stopped.saturating_add(self.ttl.saturating_sub(stopped) / 2)
    }

    /// The same proportions of the time to live that the store granted.
    pub(crate) fn scaled_to(&self, granted: Duration) -> Self {
        if granted == self.ttl || self.ttl.is_zero() {
            return *self;
        }
        let ratio = granted.as_secs_f64() / self.ttl.as_secs_f64();
        let scale = |part: Duration| Duration::try_from_secs_f64(part.as_secs_f64() * ratio).unwrap_or(part);
        Self {
            ttl: granted,
            renew_after: scale(self.renew_after),
            hold: scale(self.hold),
            grace: scale(self.grace),
            patience: scale(self.patience),
        }
    }

    /// Delays between tries: a sixtieth of the time to live at first, at most a twentieth.
    ///
    /// So a store that is away for a third of the time to live, from the moment at which a renewal
    /// was due, is tried again before belief ends at three quarters.
    pub(crate) fn backoff(&self, seed: u64) -> Backoff {
        Backoff::new(self.ttl / 60, self.ttl / 20, seed)
    }
}

/// Chooses [`Timings`]; what is not chosen follows from the time to live.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TimingsBuilder {
    ttl: Duration,
    renew_after: Option<Duration>,
    hold: Option<Duration>,
    grace: Option<Duration>,
    patience: Option<Duration>,
}

impl TimingsBuilder {
    /// How long the store waits for a renewal before it grants another.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long after the last renewal the next is sent.
    pub const fn renew_after(mut self, after: Duration) -> Self {
        self.renew_after = Some(after);
        self
    }

    /// How long after the last renewal the owner stops believing.
    pub const fn hold(mut self, hold: Duration) -> Self {
        self.hold = Some(hold);
        self
    }

    /// How long guarded work may take to stop after that.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// How long an answer to a renewal is awaited before it is sent again.
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// The timings, if they can work.
    ///
    /// # Errors
    /// [`ImpossibleTimings`], with the numbers.
    pub fn build(self) -> Result<Timings, ImpossibleTimings> {
        let ttl = self.ttl;
        let timings = Timings {
            ttl,
            renew_after: self.renew_after.unwrap_or(ttl / 3),
            hold: self.hold.unwrap_or_else(|| {
                let parts = if planted("timings-margin-off-by-one") { 5 } else { 4 };
                (ttl / parts).saturating_mul(parts - 1)
            }),
            grace: self.grace.unwrap_or(ttl / 8),
            patience: self.patience.unwrap_or(ttl / 6),
        };
        let Timings { renew_after, hold, grace, patience, .. } = timings;
        let refused = |what: String| Err(ImpossibleTimings { what });
        if ttl < Timings::MIN_TTL {
            return refused(format!("a time to live of {ttl:?} is shorter than {:?}", Timings::MIN_TTL));
        }
        if renew_after.is_zero() || patience.is_zero() {
            return refused(format!(
                "renewing after {renew_after:?} with a patience of {patience:?} would never rest; \
                 neither may be zero"
            ));
        }
        if renew_after >= ttl / 2 {
            return refused(format!(
                "renewing after {renew_after:?} is too late for a time to live of {ttl:?}; \
                 it must be below the half, {:?}",
                ttl / 2
            ));
        }
        if hold >= ttl {
            return refused(format!(
                "believing for {hold:?} leaves no margin within a time to live of {ttl:?}; \
                 it must be below it, three quarters are {:?}",
                (ttl / 4).saturating_mul(3)
            ));
        }
        let tried = renew_after.saturating_add(patience.saturating_mul(2));
        if tried > hold {
            return refused(format!(
                "renewing after {renew_after:?} and awaiting two answers for {patience:?} each takes \
                 {tried:?}, and belief ends after {hold:?}"
            ));
        }
        if hold.saturating_add(grace) > ttl {
            return refused(format!(
                "believing for {hold:?} and stopping within {grace:?} takes {:?}, and another may be \
                 granted after {ttl:?}",
                hold.saturating_add(grace)
            ));
        }
        Ok(timings)
    }
}

/// Timings under which two could own at once, or nobody for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImpossibleTimings {
    what: String,
}

impl fmt::Display for ImpossibleTimings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for ImpossibleTimings {}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn impossible_timings_are_refused_with_their_numbers() {
        let base = || Timings::builder().ttl(seconds(12));
        for (impossible, numbers) in [
            (Timings::builder().ttl(Duration::ZERO), vec!["0ns", "100ms"]),
            (Timings::builder().ttl(Duration::from_millis(99)), vec!["99ms", "100ms"]),
            (base().renew_after(Duration::ZERO), vec!["0ns"]),
            (base().patience(Duration::ZERO), vec!["0ns"]),
            (base().renew_after(seconds(6)), vec!["6s", "12s"]),
            (base().hold(seconds(12)).grace(Duration::ZERO), vec!["12s", "9s"]),
            (base().renew_after(seconds(5)).patience(seconds(3)), vec!["5s", "3s", "11s", "9s"]),
            (base().grace(seconds(4)), vec!["9s", "4s", "13s", "12s"]),
            (base().hold(Duration::MAX), vec!["12s"]),
        ] {
            let refused = impossible.build().unwrap_err().to_string();
            assert!(numbers.iter().all(|number| refused.contains(number)), "{refused}: {numbers:?}");
        }
    }

    #[test]
    fn the_defaults_renew_before_the_half_and_bear_a_clock_that_is_a_quarter_too_slow() {
        for ttl in [Timings::MIN_TTL, seconds(15), seconds(86_400)] {
            let timings = Timings::builder().ttl(ttl).build().unwrap();
            assert!(timings.renew_after() < ttl / 2);
            assert!((timings.tolerated_skew() - 4.0 / 3.0).abs() < 1e-6);
            assert!(timings.hold() + timings.grace() < timings.bark() && timings.bark() < ttl);
        }
    }

    #[test]
    fn what_the_store_grants_keeps_the_proportions() {
        let granted = Timings::builder().ttl(seconds(12)).build().unwrap().scaled_to(seconds(24));
        assert_eq!(
            (granted.ttl(), granted.hold(), granted.renew_after()),
            (seconds(24), seconds(18), seconds(8))
        );
    }
}
