//! How a command ended, and what that means for the item.

use std::{collections::BTreeSet, fmt, time::Duration};

use entourage_core::{Backoff, planted};

use crate::outcome::Outcome;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// By itself, with this exit status.
    Exited(i32),
    /// By this signal, which was not ours.
    Signalled(i32),
    /// It was ended: its time was over.
    OutOfTime,
    /// It was ended: the attempt was to be given back, or was not to begin.
    Cancelled,
    /// It never ran, for this reason, which is the machine's or the configuration's.
    NotStarted(String),
    /// It never ran and never will, for this reason, which is the item's.
    Impossible(String),
}

impl Ended {
    /// Whether it looks like the end of somebody who was asked to end: by SIGHUP, SIGINT or
    /// SIGTERM, or with the exit status of a shell whose command was.
    pub(super) const fn looks_asked_for(&self) -> bool {
        const HUP: i32 = 1;
        const INT: i32 = 2;
        const TERM: i32 = 15;
        match *self {
            Self::Signalled(HUP | INT | TERM) => true,
            Self::Exited(status) => matches!(status.wrapping_sub(128), HUP | INT | TERM),
            _ => false,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exit status {status}"),
            Self::Signalled(9) => f.write_str("ended by signal 9, as by the kernel when memory runs out"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
            Self::OutOfTime => f.write_str("ended because its time was over"),
            Self::Cancelled => f.write_str("ended because the attempt was given back"),
            Self::NotStarted(why) | Self::Impossible(why) => f.write_str(why),
        }
    }
}

/// What is done about an end that is neither done nor listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    #[default]
    Retry,
    Dead,
}

/// What the exit status of a command means: done, try again, or dead.
///
/// | end | outcome |
/// |---|---|
/// | 0 | done |
/// | 65 (`EX_DATAERR` of sysexits.h) | dead |
/// | 75 (`EX_TEMPFAIL`), any other status | retry |
/// | a signal, a crash, SIGKILL of the kernel when memory runs out | retry |
/// | its time was over | retry |
/// | it cannot be started | retry: another machine may have it |
/// | the item's id has a NUL, or is over 32 KiB and does not fit into an environment | dead |
/// | the attempt was cancelled, or the program ends and SIGTERM reached all of it | interrupted |
///
/// A status of SIGTERM's that is listed as done or dead, as by `dead([143])`, stays that while the
/// program ends.
///
/// # Examples
/// ```
/// use entourage_workqueue::ExitPolicy;
///
/// // grep: 1 says that nothing was found, 2 that the question was wrong.
/// let policy = ExitPolicy::new().done([0, 1]).dead([2]);
/// # drop(policy);
/// ```
#[derive(Clone, Debug)]
pub struct ExitPolicy {
    done: BTreeSet<i32>,
    retry: BTreeSet<i32>,
    dead: BTreeSet<i32>,
    others: Verdict,
    base: Duration,
    cap: Duration,
}

impl ExitPolicy {
    /// The table above; the delay before a retry begins below 1 s, doubles, and stays below 5
    /// min.
    #[must_use]
    pub fn new() -> Self {
        Self {
            done: [0].into(),
            retry: [75].into(),
            dead: [65].into(),
            others: Verdict::Retry,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(300),
        }
    }

    /// These mean done, and no others.
    #[must_use]
    pub fn done(mut self, statuses: impl IntoIterator<Item = i32>) -> Self {
        self.done = statuses.into_iter().collect();
        self
    }

    /// These mean try again, whatever is said of the others.
    #[must_use]
    pub fn retry(mut self, statuses: impl IntoIterator<Item = i32>) -> Self {
        self.retry = statuses.into_iter().collect();
        self
    }

    /// These mean that it never will be done.
    #[must_use]
    pub fn dead(mut self, statuses: impl IntoIterator<Item = i32>) -> Self {
        self.dead = statuses.into_iter().collect();
        self
    }

    /// A status that is in none of the three lists means dead, and not retry.
    #[must_use]
    pub const fn others_dead(mut self) -> Self {
        self.others = Verdict::Dead;
        self
    }

    /// Delays before a retry: drawn below `base · 2ⁿ`, and below `cap`.
    #[must_use]
    pub const fn delays(mut self, base: Duration, cap: Duration) -> Self {
        (self.base, self.cap) = (base, cap);
        self
    }

    /// Whether this end is listed as done or dead, which it stays while the program ends.
    pub(super) fn settles(&self, ended: &Ended) -> bool {
        matches!(ended, Ended::Exited(status) if self.done.contains(status) || self.dead.contains(status))
    }

    /// The outcome of an end. `said` is the last thing that the command said, `seed` draws the
    /// delay before the attempt that follows attempt `number`.
    pub(super) fn judge(&self, ended: &Ended, said: Option<&str>, number: u32, seed: u64) -> Outcome {
        let dead = || {
            Outcome::Dead(match said {
                Some(said) => format!("{ended}: {said}"),
                None => ended.to_string(),
            })
        };
        let retry = || Outcome::Retry(self.delay(number, seed));
        match ended {
            Ended::Cancelled if planted("command-retries-the-interrupted") => retry(),
            Ended::Cancelled => Outcome::Interrupted,
            Ended::Exited(status) if self.done.contains(status) => Outcome::Done,
            Ended::Exited(status) if self.dead.contains(status) => dead(),
            Ended::Exited(status) if self.retry.contains(status) => retry(),
            Ended::Exited(_) if self.others == Verdict::Dead => dead(),
            Ended::Impossible(_) => dead(),
            Ended::Exited(_) | Ended::Signalled(_) | Ended::OutOfTime | Ended::NotStarted(_) => retry(),
        }
    }

    /// The delay before the attempt that follows attempt `number`.
    pub(crate) fn delay(&self, number: u32, seed: u64) -> Duration {
        // More doublings than there are bits change nothing.
        let tries = number.clamp(1, 64);
        let mut backoff = Backoff::new(self.base, self.cap, seed);
        for _ in 1..tries {
            backoff.next_delay();
        }
        backoff.next_delay()
    }
}

impl Default for ExitPolicy {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Ended, ExitPolicy};
    use crate::outcome::Outcome;

    fn judged(policy: &ExitPolicy, ended: &Ended) -> Outcome {
        match policy.judge(ended, Some("why"), 1, 7) {
            Outcome::Retry(_) => Outcome::Retry(Duration::ZERO),
            outcome => outcome,
        }
    }

    #[test]
    fn an_exit_status_means_what_the_table_says() {
        let policy = ExitPolicy::new();
        let retry = Outcome::Retry(Duration::ZERO);
        assert_eq!(judged(&policy, &Ended::Exited(0)), Outcome::Done);
        assert_eq!(judged(&policy, &Ended::Exited(65)), Outcome::Dead("exit status 65: why".into()));
        for status in [1, 2, 64, 66, 75, 126, 127, 137, 255] {
            assert_eq!(judged(&policy, &Ended::Exited(status)), retry, "{status}");
        }
        for signal in 1..=64 {
            assert_eq!(judged(&policy, &Ended::Signalled(signal)), retry, "signal {signal}");
        }
        assert_eq!(judged(&policy, &Ended::OutOfTime), retry);
        assert_eq!(judged(&policy, &Ended::NotStarted("no".into())), retry);
        assert_eq!(judged(&policy, &Ended::Cancelled), Outcome::Interrupted);
        let policy = policy.done([0, 3]).retry([1]).dead([4]).others_dead();
        assert_eq!(judged(&policy, &Ended::Exited(3)), Outcome::Done);
        assert_eq!(judged(&policy, &Ended::Exited(1)), retry);
        assert_eq!(judged(&policy, &Ended::Exited(4)), Outcome::Dead("exit status 4: why".into()));
        assert_eq!(judged(&policy, &Ended::Exited(9)), Outcome::Dead("exit status 9: why".into()));
    }

    #[test]
    fn delays_grow_with_the_attempts_and_end_growing() {
        let policy = ExitPolicy::new().delays(Duration::from_secs(1), Duration::from_secs(60));
        for number in [0, 1, 2, 3, 10, 100, u32::MAX] {
            let most = Duration::from_secs(1_u64.checked_shl(number.saturating_sub(1)).unwrap_or(60).min(60));
            for seed in 0..100 {
                let Outcome::Retry(delay) = policy.judge(&Ended::OutOfTime, None, number, seed) else {
                    panic!("no retry")
                };
                assert!(delay <= most, "{delay:?} before attempt {number} + 1");
            }
        }
    }

    #[test]
    fn who_was_asked_to_end_ends_by_a_signal_or_as_a_shell_says_it() {
        for ended in [Ended::Signalled(15), Ended::Signalled(2), Ended::Exited(143), Ended::Exited(130)] {
            assert!(ended.looks_asked_for(), "{ended}");
        }
        for ended in [Ended::Signalled(9), Ended::Signalled(11), Ended::Exited(0), Ended::Exited(137)] {
            assert!(!ended.looks_asked_for(), "{ended}");
        }
    }
}
