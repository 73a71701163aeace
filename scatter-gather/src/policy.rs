//! What counts as enough of an answer.

use std::fmt;

use crate::coverage::{Coverage, Fraction};

/// How much of an answer is enough to be given.
///
/// ```
/// use entourage_scatter_gather::{Coverage, Judgement, Policy};
///
/// // Of five parts three have answered, one has failed, and one is still out.
/// let coverage = Coverage::new(3, 5);
/// assert_eq!(Policy::All.judge(coverage, 1), Judgement::Impossible);
/// assert_eq!(Policy::AtLeast(4).judge(coverage, 1), Judgement::Wait);
/// assert_eq!(Policy::AtLeast(3).judge(coverage, 1), Judgement::Enough);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// Every part, or it is an error.
    #[default]
    All,
    /// So many parts. More than were asked can never be.
    AtLeast(usize),
    /// So large a part of the parts.
    Coverage(Fraction),
    /// Whatever has answered when every part has, or the time is up; be it nothing.
    Deadline,
}

/// What a policy says of an answer that may not be whole yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is enough as it is. What is still out may be awaited, and need not.
    Enough,
    /// What is still out decides.
    Wait,
    /// Whatever is still out may answer: it will not be enough.
    Impossible,
}

impl Policy {
    /// Judges so much of an answer, with so many parts that may still answer.
    #[must_use]
    pub const fn judge(self, coverage: Coverage, out: usize) -> Judgement {
        if matches!(self, Self::Deadline) {
            // All that comes in time counts, so that nothing is enough before.
            return if out == 0 || coverage.is_full() { Judgement::Enough } else { Judgement::Wait };
        }
        let at_best = Coverage::new(coverage.answered().saturating_add(out), coverage.asked());
        if self.is_met_by(coverage) {
            Judgement::Enough
        } else if self.is_met_by(at_best) {
            Judgement::Wait
        } else {
            Judgement::Impossible
        }
    }

    /// Whether an answer to which nothing is added any more is enough.
    #[must_use]
    pub const fn is_met_by(self, coverage: Coverage) -> bool {
        match self {
            Self::All => coverage.is_full(),
            Self::AtLeast(parts) => coverage.answered() >= parts,
            Self::Coverage(fraction) => coverage.reaches(fraction),
            Self::Deadline => true,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::AtLeast(parts) => write!(f, "at least {parts}"),
            Self::Coverage(fraction) => write!(f, "at least {fraction} of them"),
            Self::Deadline => f.write_str("what is there in time"),
        }
    }
}
