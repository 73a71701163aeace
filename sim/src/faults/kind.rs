//! The kinds of faults, as they are counted.

use std::fmt;

/// A kind of fault, as [`Coverage`](crate::Coverage) counts those that really happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// A call that took long.
    SlowCall,
    /// A call that was refused.
    RefusedCall,
    /// A call whose request was lost.
    LostRequest,
    /// A call whose answer was lost.
    LostAnswer,
    /// A call that reached its substrate twice.
    Duplicate,
    /// A change that a watch showed late.
    StaleWatch,
    /// A renewal that reached its store late, whoever still waited for it.
    LateRenewal,
    /// A process that reached no substrate for a while.
    Partition,
    /// A process that stood still while its clock went on.
    Pause,
    /// A process whose machine slept.
    Suspend,
    /// A process that stood still together with its clock.
    Freeze,
    /// A clock that began to run at another rate than time.
    ClockRate,
    /// A process that died.
    Crash,
}

impl Fault {
    /// As a report shows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowCall => "slow call",
            Self::RefusedCall => "refused call",
            Self::LostRequest => "lost request",
            Self::LostAnswer => "lost answer",
            Self::Duplicate => "duplicate",
            Self::StaleWatch => "stale watch",
            Self::LateRenewal => "late renewal",
            Self::Partition => "partition",
            Self::Pause => "pause",
            Self::Suspend => "suspend",
            Self::Freeze => "freeze",
            Self::ClockRate => "clock rate",
            Self::Crash => "crash",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
