#![doc = include_str!("../README.md")]

mod backoff;
mod clock;
mod fence;
mod merge;
mod planted;
mod retry;
mod shutdown;
mod watchdog;

pub use self::{
    backoff::Backoff,
    clock::{Clock, Elapsed, Moment, PausedClock, Sleep, SystemClock, Timeline, sleep, timeout},
    fence::{Fence, FenceSource, ForeignFence, Realm, Scope},
    merge::{BrokenLaw, Max, Merge, Sum, check_laws},
    planted::planted,
    retry::{Retryable, Verdict},
    shutdown::{Phase, Shutdown},
    watchdog::{Bark, Watchdog},
};

/// Any error of a layer below, kept as a source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;
