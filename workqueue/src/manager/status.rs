//! How a work queue stands, for whoever asks.

use entourage_core::Moment;

/// Whether something that is asked answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It has not been asked yet.
    #[default]
    Unknown,
    /// It answered when it was last asked.
    Up,
    /// It does not answer; it is tried again and again.
    Down {
        /// Since when.
        since: Moment,
        /// How often it was tried since.
        tries: u64,
        /// What it said last.
        why: String,
    },
}

impl Health {
    /// Whether it answered when it was last asked.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }

    pub(super) fn failed(&mut self, at: Moment, why: String) {
        let (since, tries) = match self {
            Self::Down { since, tries, .. } => (*since, *tries + 1),
            _ => (at, 1),
        };
        *self = Self::Down { since, tries, why };
    }
}

/// How a work queue stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether `run` is under way.
    pub running: bool,
    /// Whether it takes no new items until it is resumed.
    pub paused: bool,
    /// Whether it takes no new items because it is to end.
    pub draining: bool,
    /// Whether the source answers.
    pub source: Health,
    /// Whether the source takes it that items are finished; unknown if its items are not used up.
    ///
    /// While it does not, work goes on, and it is told again and again.
    pub finishing: Health,
    /// Whether the queue answers.
    pub queue: Health,
    /// How many items are worked on here.
    pub working: usize,
    /// How many items may be.
    pub parallelism: usize,
    /// How many names are in the ledger, as far as is known here.
    pub known: usize,
}

impl Status {
    /// Whether it takes work and finds what there is.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.running && !self.paused && !self.draining && self.source.is_up() && self.queue.is_up()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_remembers_since_when_and_how_often() {
        let mut health = Health::Up;
        health.failed(Moment::from_nanos(1), "no".into());
        health.failed(Moment::from_nanos(2), "still no".into());
        let down = Health::Down { since: Moment::from_nanos(1), tries: 2, why: "still no".into() };
        assert_eq!(health, down);
    }
}
