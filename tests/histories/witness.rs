//! What befell the workers, and what it excuses.

use std::collections::HashMap;

use crate::{
    attempt::{Attempt, End},
    counts::Counts,
};

/// What befell the workers and their server.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// How long a worker may be silent, in nanoseconds.
    pub(crate) lease: u64,
    numbers: HashMap<Box<str>, u32>,
    fates: Vec<Fate>,
    /// When the last outage ended, which is never while there is one.
    outage_until: u64,
}

/// What befell a worker.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    is_killed: bool,
    paused_at: u64,
    /// When the last pause ended, which is never while there is one.
    paused_until: u64,
}

/// Why an attempt's item was lost to it before it could settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Kill,
    Pause,
    Outage,
    Stall,
}

impl Why {
    pub(crate) const fn of(self, counts: &mut Counts) -> &mut u64 {
        match self {
            Self::Kill => &mut counts.after_kill,
            Self::Pause => &mut counts.after_pause,
            Self::Outage => &mut counts.after_outage,
            Self::Stall => &mut counts.after_stall,
        }
    }
}

impl Witness {
    /// The number of a worker of this name.
    pub(crate) fn worker(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.fates.len()).expect("nobody starts so many workers");
        self.numbers.insert(name.into(), number);
        self.fates.push(Fate::default());
        number
    }

    fn fate(&mut self, name: &str) -> &mut Fate {
        let number = self.worker(name);
        &mut self.fates[number as usize]
    }

    pub(crate) fn killed(&mut self, name: &str) {
        self.fate(name).is_killed = true;
    }

    pub(crate) fn paused(&mut self, name: &str, t: u64) {
        let fate = self.fate(name);
        (fate.paused_at, fate.paused_until) = (t, u64::MAX);
    }

    /// Whether it stood still for longer than a lease.
    pub(crate) fn resumed(&mut self, name: &str, t: u64) -> bool {
        let lease = self.lease;
        let fate = self.fate(name);
        fate.paused_until = t;
        t - fate.paused_at > lease
    }

    pub(crate) const fn down(&mut self) {
        self.outage_until = u64::MAX;
    }

    pub(crate) const fn up(&mut self, t: u64) {
        self.outage_until = t;
    }

    /// Whether this attempt's lease cannot be over at `t`: nothing befell its worker or the server
    /// since it asked, which is less than a lease ago. A wall clock may be a little fast.
    pub(crate) fn must_live(&self, attempt: &Attempt, t: u64) -> bool {
        self.fault(attempt).is_none() && t < attempt.asked + self.lease - self.lease / 50
    }

    fn fault(&self, attempt: &Attempt) -> Option<Why> {
        let fate = self.fates[attempt.worker as usize];
        match attempt.asked {
            _ if fate.is_killed => Some(Why::Kill),
            asked if fate.paused_until > asked => Some(Why::Pause),
            asked if self.outage_until > asked => Some(Why::Outage),
            _ => None,
        }
    }

    /// Why this attempt was not the last, as it looks at `t`, or nothing that excuses it.
    pub(crate) fn why_lost(&self, attempt: &Attempt, t: u64) -> Option<Why> {
        match attempt.end {
            End::Settled | End::GivenBack => None,
            End::Open | End::Refused => {
                self.fault(attempt).or_else(|| (!self.must_live(attempt, t)).then_some(Why::Stall))
            }
        }
    }
}
