//! How fast a body has to come.

use std::time::Duration;

use entourage_core::Moment;

/// A least rate, judged over each stretch of time anew: a fast beginning buys no slow end.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes a second.
    rate: u64,
    stretch: Duration,
    since: Moment,
    bytes: u64,
}

impl Pace {
    pub(super) const fn new(rate: u64, stretch: Duration, now: Moment) -> Self {
        Self { rate, stretch, since: now, bytes: 0 }
    }

    /// When it is judged next, whatever comes.
    pub(super) fn until(&self) -> Moment {
        self.since + self.stretch
    }

    /// Whether it is kept, with these bytes more.
    pub(super) fn is_kept(&mut self, bytes: u64, now: Moment) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        let took = now.since(self.since);
        if took < self.stretch {
            return true;
        }
        // Nothing at all is too slow at any rate.
        let wanted = (self.rate as f64 * took.as_secs_f64()).max(1.0);
        let is_kept = self.bytes as f64 >= wanted;
        (self.since, self.bytes) = (now, 0);
        is_kept
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entourage_core::Moment;

    use super::Pace;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_is_slow_for_a_stretch_is_too_slow_however_fast_before() {
        let start = Moment::ZERO + SECOND;
        let mut pace = Pace::new(1024, SECOND * 10, start);
        assert!(pace.is_kept(1 << 30, start + SECOND));
        assert!(pace.is_kept(0, start + SECOND * 10), "the first stretch had enough");
        assert!(pace.is_kept(10_000, start + SECOND * 19), "it is not over");
        assert!(!pace.is_kept(0, start + SECOND * 20), "10,000 in 10 s");
        assert!(pace.is_kept(10_240, start + SECOND * 30));
    }

    #[test]
    fn silence_is_too_slow_at_any_rate() {
        let mut pace = Pace::new(0, SECOND, Moment::ZERO);
        assert!(pace.is_kept(1, Moment::ZERO + SECOND));
        assert!(!pace.is_kept(0, Moment::ZERO + SECOND * 2));
    }
}
