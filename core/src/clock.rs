//! All reading of time and all waiting goes through [`Clock`].

use std::{
    fmt,
    future::{Future, ready},
    ops::Add,
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant as PausedInstant;

use crate::watchdog::{Bark, Watchdog};

/// A point on one clock's timeline, in nanoseconds from that timeline's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The timeline's start.
    pub const ZERO: Self = Self(0);
    /// Later than every moment a clock reports.
    pub const NEVER: Self = Self(u64::MAX);

    /// `nanos` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier`; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// Saturates at [`Moment::NEVER`], so that "for ever" needs no special case.
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// Names the origin of a clock: moments of different timelines have nothing in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timeline(Arc<str>);

impl Timeline {
    /// A timeline of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name, as it is kept beside recorded moments.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A wait that ends at a moment; dropping it ends it early.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Reads time and waits for it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now. Never goes backwards, and goes on while the machine is suspended.
    fn now(&self) -> Moment;

    /// What the moments are measured from.
    fn timeline(&self) -> Timeline;

    /// Waits until `at`; ready at once if it has passed. Cancel-safe.
    fn sleep_until(&self, at: Moment) -> Sleep;

    /// Runs `bark` at `at` unless the watchdog is dropped or postponed before.
    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog;
}

/// Waits for `duration` on `clock`. Cancel-safe.
pub async fn sleep(clock: &dyn Clock, duration: Duration) {
    clock.sleep_until(clock.now() + duration).await;
}

/// Ends `future` if it has not finished within `duration` on `clock`.
///
/// # Errors
/// [`Elapsed`] when the time ran out; the future was dropped, so what it had begun may or
/// may not have happened.
pub async fn timeout<F: Future>(
    clock: &dyn Clock,
    duration: Duration,
    future: F,
) -> Result<F::Output, Elapsed> {
    let until = clock.now() + duration;
    let mut future = pin!(future);
    // What answers at once needs no timer.
    tokio::select! {
        biased;
        output = &mut future => return Ok(output),
        () = ready(()) => {}
    }
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = clock.sleep_until(until) => Err(Elapsed { after: duration }),
    }
}

/// No answer within the time allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed {
    after: Duration,
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer within {:?}", self.after)
    }
}

impl std::error::Error for Elapsed {}

/// The machine's boot clock, which counts through suspend (`CLOCK_BOOTTIME`).
///
/// `std::time::Instant` stands still while a laptop or a virtual machine sleeps, so a lease
/// judged by it outlives its deadline. A *paused* virtual machine moves no clock at all:
/// there only a [`Fence`](crate::Fence) helps.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Sleeps are cut to this, because the runtime's timers stand still in suspend.
    pub(crate) const SLICE: Duration = Duration::from_millis(250);

    /// The system's clock.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    pub(crate) fn read() -> Moment {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
        Moment(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Self::read()
    }

    /// This boot of this machine, in this time namespace (which may shift the boot clock).
    fn timeline(&self) -> Timeline {
        static SYSTEM: OnceLock<Timeline> = OnceLock::new();
        let read = || {
            let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
            let namespace = std::fs::read_link("/proc/self/ns/time").unwrap_or_default();
            Timeline::new(format!("{} {}", boot.trim(), namespace.display()))
        };
        SYSTEM.get_or_init(read).clone()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that waits on the runtime's timers")]
    fn sleep_until(&self, at: Moment) -> Sleep {
        Box::pin(async move {
            loop {
                let left = at.since(Self::read());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Self::SLICE)).await;
            }
        })
    }

    /// Barks from a thread of its own, which a stalled runtime cannot silence.
    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Watchdog::on_thread(at, bark)
    }
}

/// Tokio's clock, for tests that pause and advance it.
#[derive(Clone, Debug)]
pub struct PausedClock {
    origin: PausedInstant,
    timeline: Timeline,
}

impl PausedClock {
    /// A clock whose timeline starts now. Call it inside the runtime whose time is paused.
    #[expect(clippy::disallowed_methods, reason = "tokio's clock is what this one reads")]
    #[must_use]
    pub fn new() -> Self {
        Self { origin: PausedInstant::now(), timeline: Timeline::new("paused") }
    }
}

impl Default for PausedClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for PausedClock {
    #[expect(clippy::disallowed_methods, reason = "tokio's clock is what this one reads")]
    fn now(&self) -> Moment {
        Moment::ZERO + PausedInstant::now().duration_since(self.origin)
    }

    fn timeline(&self) -> Timeline {
        self.timeline.clone()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that waits on the runtime's timers")]
    fn sleep_until(&self, at: Moment) -> Sleep {
        let clock = self.clone();
        Box::pin(async move {
            // Tokio's timers have a granularity of a millisecond and may fire early.
            loop {
                let left = at.since(clock.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left).await;
            }
        })
    }

    fn watchdog(self: Arc<Self>, at: Moment, bark: Bark) -> Watchdog {
        Watchdog::on_runtime(self, at, bark)
    }
}
