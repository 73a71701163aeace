//! What a seed draws: who takes part, and what befalls them.

use std::{fmt, time::Duration};

use entourage_sim::{Call, CrashPoint, Faults, Rng};

use crate::TTL;

/// The calls of the store that contenders make, or may make.
const CALLS: &[Call] = &[
    Call::StoreGet,
    Call::StoreList,
    Call::StoreTransact,
    Call::StoreSession,
    Call::StoreResume,
    Call::StoreWatch,
    Call::WatchNext,
    Call::SessionRenew,
];
/// Nothing goes wrong later than this, so that everybody can come to the end.
pub(crate) const STORM: Duration = Duration::from_secs(6);

/// How a contender owns. All contend for one name, in one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It holds a lock, and writes for as long as it likes.
    Lock,
    /// It guards its work by [`entourage_election::Ownership::run`].
    Guard,
    /// It leads, proclaims and resigns.
    Leader,
    /// It is led by [`entourage_election::Election::run`].
    Term,
    /// It gives the lock up as soon as it has it, and comes again.
    Hasty,
}

/// Who takes part in the history of one seed, and what befalls them.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) contenders: Vec<Role>,
    /// Clocks are at most a third apart and never stand still: belief must end in time.
    pub(crate) steady: bool,
    /// Deletes keys, ends sessions, asks leaders to resign.
    pub(crate) operator: bool,
    /// A second process resumes the first contender's session while that lives.
    pub(crate) twin: bool,
    /// Somebody watches who leads.
    pub(crate) observer: bool,
    pub(crate) faults: Faults,
}

impl Cast {
    /// The cast of this seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x6361_7374).fork();
        let roles = [Role::Lock, Role::Guard, Role::Leader, Role::Term];
        let number = if rng.chance(0.1) { 4 } else { 3 };
        // Among hasty ones hardly anybody is alone, and what a watch shows is seldom the present.
        let hasty = rng.chance(0.2);
        let contenders = (0..number)
            .map(|_| if hasty { Role::Hasty } else { *rng.pick(&roles).expect("there are four") })
            .collect();
        let steady = rng.chance(0.6);
        let (operator, twin, observer) = (rng.chance(0.2), rng.chance(0.15), rng.chance(0.08));
        let points: Vec<CrashPoint> = CrashPoint::of(CALLS).collect();
        let point = points[usize::try_from(seed).expect("64 bits") % points.len()];
        let faults = if steady { steady_clocks() } else { storm() };
        let faults = if hasty { faults.with_stale_watches(0.5) } else { faults };
        let faults = faults.with_crash_at(point).with_crashes(0.008, 2).quiet_after(STORM);
        Self { contenders, steady, operator, twin, observer, faults }
    }
}

/// What the promise about belief (E3) bears: everything, but clocks that are worse than that.
const fn steady_clocks() -> Faults {
    Faults::none()
        .with_slow_calls(0.06, Duration::from_millis(700))
        .with_refused_calls(0.03)
        .with_lost_requests(0.03)
        .with_lost_answers(0.04)
        .with_duplicates(0.05)
        .with_stale_watches(0.2)
        .with_partitions(0.008, Duration::from_secs(4))
        .with_lost_renewals(0.2)
        .with_late_renewals(0.2, TTL)
        .with_pauses(0.003, Duration::from_secs(3))
        .with_suspends(0.002, Duration::from_secs(3))
        // The bound is 3/4, and a third too fast on the other side.
        .with_clock_rates(0.751, 1.33)
        .with_clock_changes(0.01)
}

/// What only fences bear.
const fn storm() -> Faults {
    Faults::all()
        .with_pauses(0.006, Duration::from_secs(4))
        .with_suspends(0.003, Duration::from_secs(4))
        .with_freezes(0.003, Duration::from_secs(4))
        .with_clock_rates(0.5, 2.0)
}

impl fmt::Display for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.contenders)?;
        let with = [(self.operator, "an operator"), (self.twin, "a twin"), (self.observer, "an observer")];
        for (is_there, name) in with {
            if is_there {
                write!(f, ", {name}")?;
            }
        }
        let clocks = if self.steady { "steady" } else { "any" };
        write!(f, "; {clocks} clocks: {:?}", self.faults)
    }
}
