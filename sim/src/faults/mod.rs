//! What may go wrong, how often and for how long.

mod draw;
mod kind;

use std::time::Duration;

pub(crate) use self::draw::{Fate, Plan, Stall};
pub use self::kind::Fault;
use crate::call::CrashPoint;

/// What may go wrong in a run, how often and for how long.
///
/// Probabilities are of one call, but for those of stalls, of changes of a clock's rate and of
/// crashes between calls, which are of one turn of a process. After [`Faults::quiet_after`] nothing goes wrong any more, so that a
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
    lost_renewals: f64,
    late_renewals: f64,
    latest_renewal: Duration,
    pauses: f64,
    longest_pause: Duration,
    suspends: f64,
    longest_suspend: Duration,
    freezes: f64,
    longest_freeze: Duration,
    slowest_clock: f64,
    fastest_clock: f64,
    clock_changes: f64,
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
            lost_renewals: 0.0,
            late_renewals: 0.0,
            latest_renewal: Duration::from_secs(3),
            pauses: 0.0,
            longest_pause: Duration::from_secs(3),
            suspends: 0.0,
            longest_suspend: Duration::from_secs(3),
            freezes: 0.0,
            longest_freeze: Duration::from_secs(3),
            slowest_clock: 1.0,
            fastest_clock: 1.0,
            clock_changes: 0.0,
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
            lost_renewals: 0.05,
            late_renewals: 0.05,
            pauses: 0.003,
            suspends: 0.001,
            freezes: 0.001,
            slowest_clock: 0.5,
            fastest_clock: 2.0,
            clock_changes: 0.01,
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

    /// Renewals of a session that are lost, besides all other calls: the request or the answer,
    /// as often one as the other.
    pub const fn with_lost_renewals(mut self, probability: f64) -> Self {
        self.lost_renewals = probability;
        self
    }

    /// Renewals of a session that reach the store up to `latest` after they were sent, whether
    /// or not the holder still waits or lives.
    pub const fn with_late_renewals(mut self, probability: f64, latest: Duration) -> Self {
        self.late_renewals = probability;
        self.latest_renewal = latest;
        self
    }

    /// Turns at which a process stands still for up to `longest` while its clock goes on, and
    /// then goes on unaware: a garbage collection, a frozen container, `SIGSTOP`.
    pub const fn with_pauses(mut self, probability: f64, longest: Duration) -> Self {
        self.pauses = probability;
        self.longest_pause = longest;
        self
    }

    /// Turns at which a process's machine sleeps for up to `longest`: a closed lid. The clock has
    /// gone on when it wakes, and what was due meanwhile comes up to a quarter of a second late,
    /// as it does on `SystemClock`.
    pub const fn with_suspends(mut self, probability: f64, longest: Duration) -> Self {
        self.suspends = probability;
        self.longest_suspend = longest;
        self
    }

    /// Turns at which a process's machine stands still with its clock for up to `longest`: a
    /// virtual machine that is paused, or moved to another host. Nothing tells it afterwards.
    pub const fn with_freezes(mut self, probability: f64, longest: Duration) -> Self {
        self.freezes = probability;
        self.longest_freeze = longest;
        self
    }

    /// Each process's clock runs at a rate of its own, between `slowest` and `fastest` seconds a
    /// second, as often too slow as too fast, and shows another time than the others' from the
    /// start: another boot, a quartz that is off, NTP that slews.
    ///
    /// # Panics
    /// Unless `0 < slowest <= fastest`.
    pub const fn with_clock_rates(mut self, slowest: f64, fastest: f64) -> Self {
        assert!(0.0 < slowest && slowest <= fastest, "a clock's rates are a range above zero");
        self.slowest_clock = slowest;
        self.fastest_clock = fastest;
        self
    }

    /// Turns at which a process's clock changes to another rate of the range.
    pub const fn with_clock_changes(mut self, probability: f64) -> Self {
        self.clock_changes = probability;
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

    /// Nothing goes wrong later than this after the start; clocks run true then.
    pub const fn quiet_after(mut self, time: Duration) -> Self {
        self.quiet_after = time;
        self
    }

    pub(crate) const fn is_quiet(&self, since_start: Duration) -> bool {
        since_start.as_nanos() >= self.quiet_after.as_nanos()
    }

    /// How long anything may go wrong.
    pub(crate) const fn quiet_after_start(&self) -> Duration {
        self.quiet_after
    }

    pub(crate) const fn aim(&self) -> Option<CrashPoint> {
        self.aim
    }
}
