//! What goes wrong now, by chance.

use std::time::Duration;

use crate::{
    call::Call,
    dial::Rate,
    faults::{Fault, Faults},
    rng::Rng,
};

/// The longest that a machine has been up when a simulation starts.
const LONGEST_UP: Duration = Duration::from_secs(24 * 60 * 60);

impl Faults {
    /// What becomes of a call. Draws the same number of times whatever it draws, so that one
    /// more fault does not change all that follows by itself.
    pub(crate) fn plan(&self, rng: &mut Rng, quiet: bool, call: Call) -> Plan {
        let (mut before, mut after) = (self.way(rng), self.way(rng));
        let (slow, delay, first) = (rng.chance(self.slow), self.delay(rng), rng.chance(0.5));
        let lot = rng.chance_of(&[self.refused, self.lost_requests, self.lost_answers]);
        let duplicate = (rng.chance(self.duplicates), self.delay(rng));
        let stale = (rng.chance(self.stale_watches), self.delay(rng));
        let partition = (rng.chance(self.partitions), rng.between(Duration::ZERO, self.longest_partition));
        let hangs = rng.chance(0.5);
        let lost = rng.chance_of(&[self.lost_renewals / 2.0; 2]);
        let late = (rng.chance(self.late_renewals), rng.between(Duration::ZERO, self.latest_renewal));
        if quiet {
            return Plan { before, after, hangs, ..Plan::default() };
        }
        if slow {
            *(if first { &mut before } else { &mut after }) += delay;
        }
        let renews = call == Call::SessionRenew;
        Plan {
            before,
            after,
            slow,
            fate: match (lot, lost.filter(|_| renews)) {
                (Some(0), _) => Fate::Refused,
                (Some(1), _) | (None, Some(0)) => Fate::RequestLost,
                (Some(_), _) | (None, Some(_)) => Fate::AnswerLost,
                (None, None) => Fate::Delivered,
            },
            late: (late.0 && renews).then_some(late.1),
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

    /// How a process stands still now, and for how long.
    pub(crate) fn stall(&self, rng: &mut Rng) -> Option<(Stall, Duration)> {
        let lot = rng.chance_of(&[self.pauses, self.suspends, self.freezes]);
        let (stall, longest) = match lot {
            Some(0) => (Stall::Pause, self.longest_pause),
            Some(1) => (Stall::Suspend, self.longest_suspend),
            _ => (Stall::Freeze, self.longest_freeze),
        };
        let time = rng.between(Duration::ZERO, longest);
        lot.map(|_| (stall, time))
    }

    /// Whether clocks ever run at another rate than time.
    pub(crate) fn skews(&self) -> bool {
        (self.slowest_clock, self.fastest_clock) != (1.0, 1.0) && !self.quiet_after.is_zero()
    }

    /// The rate of a process's clock: as often below 1 as above, if the range is around it.
    pub(crate) fn rate(&self, rng: &mut Rng) -> Rate {
        let (slowest, fastest) = (self.slowest_clock, self.fastest_clock);
        let (slower, fraction) = (rng.chance(0.5), rng.fraction());
        // No logarithm: its last digit depends on the machine's library.
        let (from, to) = match slower {
            true => (slowest, fastest.min(1.0).max(slowest)),
            false => (slowest.max(1.0).min(fastest), fastest),
        };
        Rate::new(from + (to - from) * fraction)
    }

    /// The rate to which a process's clock changes now.
    pub(crate) fn change(&self, rng: &mut Rng) -> Option<Rate> {
        let (changes, rate) = (rng.chance(self.clock_changes), self.rate(rng));
        (changes && self.skews()).then_some(rate)
    }

    /// What a process's clock shows at the start.
    pub(crate) fn origin(&self, rng: &mut Rng) -> Duration {
        let origin = rng.between(Duration::ZERO, LONGEST_UP);
        if self.skews() { origin } else { Duration::ZERO }
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
        let mut left = self.fraction();
        probabilities.iter().position(|probability| {
            let happens = left < *probability;
            left -= probability;
            happens
        })
    }
}

/// How a process stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stall {
    /// It alone: its clock goes on, and what was due meanwhile is there at once.
    Pause,
    /// With its machine, which sleeps: its clock goes on, and what was due meanwhile is late.
    Suspend,
    /// With its machine and its clock.
    Freeze,
}

impl Stall {
    /// As it is counted.
    pub(crate) const fn fault(self) -> Fault {
        match self {
            Self::Pause => Fault::Pause,
            Self::Suspend => Fault::Suspend,
            Self::Freeze => Fault::Freeze,
        }
    }

    /// As it appears in a trace.
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::Pause => "pauses",
            Self::Suspend => "is suspended",
            Self::Freeze => "is frozen",
        }
    }
}

/// What becomes of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    /// It takes longer than it should.
    pub(crate) slow: bool,
    pub(crate) fate: Fate,
    /// It reaches the substrate this long afterwards, whoever still waits for it.
    pub(crate) late: Option<Duration>,
    /// It reaches the substrate once more, this long afterwards.
    pub(crate) again: Option<Duration>,
    /// A watch shows nothing for this long.
    pub(crate) stale: Option<Duration>,
    /// The process is cut off for this long, from now on.
    pub(crate) partition: Option<Duration>,
    /// A partition makes it hang rather than fail.
    pub(crate) hangs: bool,
}

impl Plan {
    /// What befalls this call that can be told before it is made. A partition, and what arrives
    /// twice, is counted where it happens.
    pub(crate) fn faults(&self, call: Call) -> impl Iterator<Item = Fault> {
        let fate = match self.fate {
            Fate::Delivered => None,
            Fate::Refused => Some(Fault::RefusedCall),
            Fate::RequestLost => Some(Fault::LostRequest),
            Fate::AnswerLost => Some(Fault::LostAnswer),
        };
        let slow = self.slow.then_some(Fault::SlowCall);
        let late = self.late.map(|_| Fault::LateRenewal);
        let stale = self.stale.filter(|_| call == Call::WatchNext).map(|_| Fault::StaleWatch);
        [fate, slow, late, stale].into_iter().flatten()
    }
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
            let plan = Faults::all().plan(&mut rng, true, Call::SessionRenew);
            assert_eq!(plan.fate, Fate::Delivered);
            assert!(plan.again.is_none() && plan.stale.is_none() && plan.partition.is_none());
            assert!(plan.late.is_none());
        }
    }

    #[test]
    fn a_plan_takes_as_many_draws_whatever_it_is() {
        let (mut none, mut all) = (Rng::new(9), Rng::new(9));
        Faults::none().plan(&mut none, false, Call::StoreGet);
        Faults::all().plan(&mut all, false, Call::SessionRenew);
        assert_eq!(none, all);
    }

    #[test]
    fn every_fate_comes_about_as_often_as_it_is_said_to() {
        let faults = Faults::none().with_refused_calls(0.1).with_lost_requests(0.2).with_lost_answers(0.3);
        let mut rng = Rng::new(5);
        let mut counts = [0_u32; 4];
        for _ in 0..10_000 {
            counts[faults.plan(&mut rng, false, Call::StoreGet).fate as usize] += 1;
        }
        for (count, expected) in counts.iter().zip([4_000, 1_000, 2_000, 3_000]) {
            assert!(count.abs_diff(expected) < 200, "{counts:?}");
        }
    }
}
