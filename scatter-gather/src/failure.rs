/// A part that did not answer, and why.
///
/// ```
/// let failure = entourage_scatter_gather::Failure::new(2, "connection refused");
/// assert_eq!((failure.part(), *failure.reason()), (2, "connection refused"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure<F> {
    part: usize,
    reason: F,
}

impl<F> Failure<F> {
    /// The part of this number failed for this reason.
    pub const fn new(part: usize, reason: F) -> Self {
        Self { part, reason }
    }

    /// Which part, counted from 0 in the order in which the parts were asked.
    pub const fn part(&self) -> usize {
        self.part
    }

    /// Why it has no answer.
    pub const fn reason(&self) -> &F {
        &self.reason
    }

    /// Why it has no answer, to keep.
    pub fn into_reason(self) -> F {
        self.reason
    }
}
