//! The counter behind every fence of a file.

use std::ops::Range;

/// How many epochs one job may take.
pub const EPOCHS_PER_JOB: u64 = 1_024;

/// What the file's counter may reach, and where it is.
///
/// `next` moves in transactions that may be lost with the power; `ceiling` is on the disk
/// before `next` may pass it. So a handle, whose file may have lost its power until it was
/// opened, begins at the ceiling and repeats none, and taking an epoch needs no fsync. Both
/// live in the file, so the order of grants is the order of commits, whichever process
/// commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epochs {
    pub(crate) next: u64,
    pub(crate) ceiling: u64,
}

impl Epochs {
    /// How far the ceiling is raised at once.
    pub(crate) const BLOCK: u64 = 65_536;
    /// Left before every group, so that no job of it fails for want of epochs.
    const HEADROOM: u64 = 64 * EPOCHS_PER_JOB;

    /// Those of a new file: nothing is reserved until somebody asks.
    pub(crate) const fn first() -> Self {
        Self { next: 1, ceiling: 1 }
    }

    #[must_use]
    pub(crate) const fn raised(self) -> Self {
        Self { next: self.next, ceiling: self.ceiling + Self::BLOCK + Self::HEADROOM }
    }

    /// At the ceiling, where nobody has been: nothing is left until it is raised.
    #[must_use]
    pub(crate) fn past_the_ceiling(self) -> Self {
        let next = if entourage_core::planted("epochs-trusted-at-open") { self.next } else { self.ceiling };
        Self { next, ..self }
    }

    pub(crate) const fn has_headroom(&self) -> bool {
        self.left() >= Self::HEADROOM
    }

    /// Whether the ceiling is best raised with the next fsync.
    pub(crate) const fn is_low(&self) -> bool {
        self.left() < Self::HEADROOM + Self::BLOCK / 2
    }

    /// Whether another job can be given what it may ask for.
    pub(crate) const fn suffices_for_a_job(&self) -> bool {
        self.left() >= EPOCHS_PER_JOB
    }

    const fn left(&self) -> u64 {
        self.ceiling - self.next
    }

    pub(crate) fn take(&mut self, n: u64) -> Range<u64> {
        assert!(n <= self.left(), "a group is bounded by its headroom");
        let start = self.next;
        self.next += n;
        start..self.next
    }
}

#[cfg(test)]
mod tests {
    use super::{EPOCHS_PER_JOB, Epochs};

    #[test]
    fn one_raise_serves_a_block_of_epochs() {
        let mut epochs = Epochs::first().raised();
        let mut taken = 0;
        while epochs.has_headroom() {
            taken += 1;
            epochs.take(1);
        }
        assert!(taken >= Epochs::BLOCK, "{taken}");
    }

    #[test]
    fn sixty_four_greedy_jobs_fit_in_the_headroom() {
        let mut epochs = Epochs { next: 1, ceiling: 1 + Epochs::HEADROOM };
        for _ in 0..64 {
            assert!(epochs.suffices_for_a_job());
            epochs.take(EPOCHS_PER_JOB);
        }
        assert!(!epochs.suffices_for_a_job());
    }

    #[test]
    fn past_the_ceiling_is_every_epoch_that_may_have_been_granted() {
        let before = Epochs { next: 10, ceiling: 500 };
        let mut after = before.past_the_ceiling();
        assert!(!after.suffices_for_a_job(), "the new ceiling must be on the disk first");
        after = after.raised();
        assert!(after.has_headroom() && after.take(1).start == before.ceiling);
    }
}
