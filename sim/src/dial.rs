//! What one machine's clock shows when.

use std::fmt;

use entourage_core::Moment;

/// How fast a clock runs, in millionths of true time: whole numbers, so that it reads the same
/// on every machine that replays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(u32);

impl Rate {
    /// As fast as time itself.
    pub(crate) const TRUE: Self = Self(1_000_000);

    /// So many seconds in each true second; at least a millionth, at most a thousand.
    pub(crate) fn new(factor: f64) -> Self {
        // The cast makes 0 of what is no number.
        Self(((factor * 1e6).round().clamp(1.0, 1e9) as u32).max(1))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// What one machine's clock shows at each true moment: a line that bends where its rate changes
/// and lies flat while it is frozen. It never goes backwards.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    rate: Rate,
    frozen: bool,
    /// The true moment of the last bend.
    bent: Moment,
    /// What it showed then.
    shown: Moment,
}

impl Dial {
    /// A dial that shows `shown` at the true start, and runs true.
    pub(crate) const fn new(shown: Moment) -> Self {
        Self { rate: Rate::TRUE, frozen: false, bent: Moment::ZERO, shown }
    }

    /// What it shows at this true moment, which is not before the last bend.
    pub(crate) fn shows(&self, now: Moment) -> Moment {
        if self.frozen {
            return self.shown;
        }
        let passed = scaled(now.since(self.bent).as_nanos(), self.rate.0, Rate::TRUE.0, false);
        Moment::from_nanos(self.shown.as_nanos().saturating_add(passed))
    }

    /// The first true moment, from the last bend on, at which it shows this; `None` while it
    /// stands still before that.
    pub(crate) fn when(&self, shown: Moment) -> Option<Moment> {
        if shown <= self.shown {
            return Some(self.bent);
        }
        let left = scaled(shown.since(self.shown).as_nanos(), Rate::TRUE.0, self.rate.0, true);
        (!self.frozen).then(|| Moment::from_nanos(self.bent.as_nanos().saturating_add(left)))
    }

    /// From now on it runs at this rate.
    pub(crate) fn set_rate(&mut self, now: Moment, rate: Rate) {
        self.bend(now);
        self.rate = rate;
    }

    /// It stands still, or goes on from where it stood.
    pub(crate) fn set_frozen(&mut self, now: Moment, frozen: bool) {
        if self.frozen != frozen {
            self.bend(now);
            self.frozen = frozen;
        }
    }

    fn bend(&mut self, now: Moment) {
        self.shown = self.shows(now);
        self.bent = now;
    }
}

/// `nanos · up / down`, rounded up or down, and never beyond what a moment can hold.
fn scaled(nanos: u128, up: u32, down: u32, rounded_up: bool) -> u64 {
    let (product, down) = (nanos * u128::from(up), u128::from(down));
    let quotient = if rounded_up { product.div_ceil(down) } else { product / down };
    u64::try_from(quotient).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Moment {
        Moment::from_nanos(nanos)
    }

    #[test]
    fn a_clock_at_half_speed_shows_half_of_the_time() {
        let mut dial = Dial::new(at(100));
        dial.set_rate(at(0), Rate::new(0.5));
        assert_eq!((dial.shows(at(0)), dial.shows(at(1_000))), (at(100), at(600)));
        assert_eq!(dial.when(at(600)), Some(at(1_000)));
    }

    #[test]
    fn a_new_rate_counts_from_when_it_was_set() {
        let mut dial = Dial::new(at(0));
        dial.set_rate(at(1_000), Rate::new(2.0));
        assert_eq!((dial.shows(at(1_000)), dial.shows(at(1_500))), (at(1_000), at(2_000)));
        dial.set_rate(at(1_500), Rate::TRUE);
        assert_eq!(dial.shows(at(1_600)), at(2_100));
    }

    #[test]
    fn a_frozen_clock_shows_nothing_new_and_goes_on_from_there() {
        let mut dial = Dial::new(at(0));
        dial.set_frozen(at(10), true);
        assert_eq!((dial.shows(at(99)), dial.when(at(10)), dial.when(at(11))), (at(10), Some(at(10)), None));
        dial.set_frozen(at(99), false);
        assert_eq!((dial.shows(at(100)), dial.when(at(11))), (at(11), Some(at(100))));
    }

    #[test]
    fn a_moment_is_shown_when_its_time_has_come_and_not_a_nanosecond_before() {
        for factor in [0.5, 0.7, 0.999_999, 1.0, 1.3, 2.0] {
            let mut dial = Dial::new(at(7));
            dial.set_rate(at(3), Rate::new(factor));
            for shown in (11..5_000).map(at) {
                let when = dial.when(shown).unwrap();
                assert!(dial.shows(when) >= shown && dial.shows(at(when.as_nanos() - 1)) < shown);
            }
        }
    }

    #[test]
    fn rates_have_bounds() {
        let rates = [f64::NAN, -1.0, 0.0, f64::INFINITY].map(|factor| Rate::new(factor).to_string());
        assert_eq!(rates, ["0.000001", "0.000001", "0.000001", "1000.000000"]);
    }
}
