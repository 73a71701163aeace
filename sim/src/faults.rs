//! What may go wrong, how often and for how long.

use std::time::Duration;

use crate::{call::CrashPoint, rng::Rng};

/// What may go wrong in a run, how often and for how long.
///
/// Probabilities are of one call, but for pauses and crashes between calls, which are of one
/// turn of a process. After [`Faults::quiet_after`] nothing goes wrong any more, so that a
/// test may demand that everything is done in the end.
///
/// # Examples
/// ```
/// use entourage_sim::Faults;
///
/// let lossy = Faults::none().with_lost_answers(0.2);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Faults {
    latency: Duration,
    slow: f64,
    slowest: Duration,
    refused: f64,
    lost_requests: f64,
    lost_answers: f64,
    duplicates: f64,
    stale_watches: f64,
    partitions: f64,
    longest_partition: Duration,
    pauses: f64,
    longest_pause: Duration,
    crashes: f64,
    most_crashes: u32,
    longest_restart: Duration,
    aim: Option<CrashPoint>,
    quiet_after: Duration,
}

impl Faults {
    /// A network that delays every call by up to a millisecond each way, and nothing worse.
    pub const fn none() -> Self {
        Self {
            latency: Duration::from_millis(1),
            slow: 0.0,
            slowest: Duration::from_millis(500),
            refused: 0.0,
            lost_requests: 0.0,
            lost_answers: 0.0,
            duplicates: 0.0,
            stale_watches: 0.0,
            partitions: 0.0,
            longest_partition: Duration::from_secs(3),
            pauses: 0.0,
            longest_pause: Duration::from_secs(3),
            crashes: 0.0,
            most_crashes: 3,
            longest_restart: Duration::from_secs(1),
            aim: None,
            quiet_after: Duration::from_secs(30),
        }
    }

    /// Everything at once, for the first thirty seconds.
    pub const fn all() -> Self {
        Self {
            slow: 0.05,
            refused: 0.02,
            lost_requests: 0.03,
            lost_answers: 0.05,
            duplicates: 0.05,
            stale_watches: 0.2,
            partitions: 0.01,
            pauses: 0.003,
            crashes: 0.01,
            ..Self::none()
        }
    }

    /// Each way of each call takes up to this long.
    pub const fn with_latency(mut self, longest: Duration) -> Self {
        self.latency = longest;
        self
    }

    /// Calls that take up to `slowest` before or after their effect.
    pub const fn with_slow_calls(mut self, probability: f64, slowest: Duration) -> Self {
        self.slow = probability;
        self.slowest = slowest;
        self
    }

    /// Calls that are answered by `Unavailable`: nothing happened.
    pub const fn with_refused_calls(mut self, probability: f64) -> Self {
        self.refused = probability;
        self
    }

    /// Calls whose request is lost: the answer is `Unknown`, and nothing happened.
    pub const fn with_lost_requests(mut self, probability: f64) -> Self {
        self.lost_requests = probability;
        self
    }

    /// Calls whose answer is lost: the answer is `Unknown`, and it happened.
    pub const fn with_lost_answers(mut self, probability: f64) -> Self {
        self.lost_answers = probability;
        self
    }

    /// Calls that reach the substrate twice.
    pub const fn with_duplicates(mut self, probability: f64) -> Self {
        self.duplicates = probability;
        self
    }

    /// Changes that a watch shows late.
    pub const fn with_stale_watches(mut self, probability: f64) -> Self {
        self.stale_watches = probability;
        self
    }

    /// Calls at which their process is cut off from every substrate for up to `longest`.
    pub const fn with_partitions(mut self, probability: f64, longest: Duration) -> Self {
        self.partitions = probability;
        self.longest_partition = longest;
        self
    }

    /// Turns at which a process stands still for up to `longest`, and then goes on unaware.
    pub const fn with_pauses(mut self, probability: f64, longest: Duration) -> Self {
        self.pauses = probability;
        self.longest_pause = longest;
        self
    }

    /// Deaths: of this probability on each side of each call, and of a quarter of it between
    /// calls; at most `most` for each process.
    pub const fn with_crashes(mut self, probability: f64, most: u32) -> Self {
        self.crashes = probability;
        self.most_crashes = most;
        self
    }

    /// A dead process starts again within this time.
    pub const fn with_restarts_within(mut self, longest: Duration) -> Self {
        self.longest_restart = longest;
        self
    }

    /// One process dies the first time that any comes here, whatever the probabilities are.
    pub const fn with_crash_at(mut self, point: CrashPoint) -> Self {
        self.aim = Some(point);
        self
    }

    /// Nothing goes wrong later than this after the start.
    pub const fn quiet_after(mut self, time: Duration) -> Self {
        self.quiet_after = time;
        self
    }

    pub(crate) const fn is_quiet(&self, since_start: Duration) -> bool {
        since_start.as_nanos() >= self.quiet_after.as_nanos()
    }

    pub(crate) const fn aim(&self) -> Option<CrashPoint> {
        self.aim
    }

    /// What becomes of a call. Draws the same number of times whatever it draws, so that one
    /// more fault does not change all that follows by itself.
    pub(crate) fn plan(&self, rng: &mut Rng, quiet: bool) -> Plan {
        let (mut before, mut after) = (self.way(rng), self.way(rng));
        let (slow, delay, first) = (rng.chance(self.slow), self.delay(rng), rng.chance(0.5));
        let lot = rng.chance_of(&[self.refused, self.lost_requests, self.lost_answers]);
        let duplicate = (rng.chance(self.duplicates), self.delay(rng));
        let stale = (rng.chance(self.stale_watches), self.delay(rng));
        let partition = (rng.chance(self.partitions), rng.between(Duration::ZERO, self.longest_partition));
        let hangs = rng.chance(0.5);
        if quiet {
            return Plan { before, after, hangs, ..Plan::default() };
        }
        if slow {
            *(if first { &mut before } else { &mut after }) += delay;
        }
        Plan {
            before,
            after,
            fate: match lot {
                Some(0) => Fate::Refused,
                Some(1) => Fate::RequestLost,
                Some(2) => Fate::AnswerLost,
                _ => Fate::Delivered,
            },
            again: duplicate.0.then_some(duplicate.1),
            stale: stale.0.then_some(stale.1),
            partition: partition.0.then_some(partition.1),
            hangs,
        }
    }

    /// Whether a process that died so often dies here.
    pub(crate) fn kills(&self, rng: &mut Rng, died: u32) -> bool {
        rng.chance(self.crashes) && died < self.most_crashes
    }

    /// Whether a process that died so often dies between two calls.
    pub(crate) fn kills_between(&self, rng: &mut Rng, died: u32) -> bool {
        rng.chance(self.crashes / 4.0) && died < self.most_crashes
    }

    /// How long a process stands still now.
    pub(crate) fn pause(&self, rng: &mut Rng) -> Option<Duration> {
        let pause = rng.between(Duration::ZERO, self.longest_pause);
        rng.chance(self.pauses).then_some(pause)
    }

    pub(crate) fn restart(&self, rng: &mut Rng) -> Duration {
        rng.between(Duration::ZERO, self.longest_restart)
    }

    fn way(&self, rng: &mut Rng) -> Duration {
        rng.between(Duration::ZERO, self.latency)
    }

    fn delay(&self, rng: &mut Rng) -> Duration {
        rng.between(Duration::ZERO, self.slowest)
    }
}

impl Rng {
    /// Which of several exclusive things happens, if any.
    fn chance_of(&mut self, probabilities: &[f64]) -> Option<usize> {
        let mut left = (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        probabilities.iter().position(|probability| {
            let happens = left < *probability;
            left -= probability;
            happens
        })
    }
}

/// What becomes of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    pub(crate) fate: Fate,
    /// It reaches the substrate once more, this long afterwards.
    pub(crate) again: Option<Duration>,
    /// A watch shows nothing for this long.
    pub(crate) stale: Option<Duration>,
    /// The process is cut off for this long, from now on.
    pub(crate) partition: Option<Duration>,
    /// A partition makes it hang rather than fail.
    pub(crate) hangs: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    #[default]
    Delivered,
    Refused,
    RequestLost,
    AnswerLost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_wrong_when_it_is_quiet() {
        let mut rng = Rng::new(3);
        for _ in 0..1_000 {
            let plan = Faults::all().plan(&mut rng, true);
            assert_eq!(plan.fate, Fate::Delivered);
            assert!(plan.again.is_none() && plan.stale.is_none() && plan.partition.is_none());
        }
    }

    #[test]
    fn a_plan_takes_as_many_draws_whatever_it_is() {
        let (mut none, mut all) = (Rng::new(9), Rng::new(9));
        Faults::none().plan(&mut none, false);
        Faults::all().plan(&mut all, false);
        assert_eq!(none, all);
    }

    #[test]
    fn every_fate_comes_about_as_often_as_it_is_said_to() {
        let faults = Faults::none().with_refused_calls(0.1).with_lost_requests(0.2).with_lost_answers(0.3);
        let mut rng = Rng::new(5);
        let mut counts = [0_u32; 4];
        for _ in 0..10_000 {
            counts[faults.plan(&mut rng, false).fate as usize] += 1;
        }
        for (count, expected) in counts.iter().zip([4_000, 1_000, 2_000, 3_000]) {
            assert!(count.abs_diff(expected) < 200, "{counts:?}");
        }
    }
}
