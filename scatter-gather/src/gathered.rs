//! An answer that was put together from the answers of many.

use std::fmt;

use crate::{coverage::Coverage, failure::Failure, policy::Policy};

/// A value, how many of the parts are in it, and why the others are not.
///
/// There is a failure for each part that is missing, so that no partial answer
/// looks like a whole one. [`Gathering`](crate::Gathering) makes it.
///
/// ```
/// use entourage_scatter_gather::{Gathering, Policy};
///
/// let mut gathering = Gathering::new(2);
/// gathering.answer(0, 40)?;
/// gathering.fail(1, "timed out")?;
/// let found = gathering.finish(|_| "never asked").map(|counts| counts.iter().flatten().sum::<i32>());
/// assert_eq!(*found.value(), 40);
/// assert_eq!(found.coverage().to_string(), "1 of 2");
/// assert_eq!(found.failures()[0].reason(), &"timed out");
///
/// let refused = found.enough_for(Policy::All).unwrap_err();
/// assert_eq!(refused.to_string(), "1 of 2 parts have answered, and all must");
/// # Ok::<_, entourage_scatter_gather::Refused>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a partial answer is to be told from a whole one"]
pub struct Gathered<T, F> {
    value: T,
    coverage: Coverage,
    failures: Vec<Failure<F>>,
}

impl<T, F> Gathered<T, F> {
    pub(crate) const fn new(value: T, coverage: Coverage, failures: Vec<Failure<F>>) -> Self {
        Self { value, coverage, failures }
    }

    /// What was put together.
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// How many of the parts are in the value.
    pub const fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// The parts that are not, in the order in which they failed.
    pub fn failures(&self) -> &[Failure<F>] {
        &self.failures
    }

    /// Whether every part is in the value.
    pub const fn is_whole(&self) -> bool {
        self.coverage.is_full()
    }

    /// The same answer with another value: a merge of the parts, say.
    pub fn map<U>(self, merge: impl FnOnce(T) -> U) -> Gathered<U, F> {
        Gathered { value: merge(self.value), coverage: self.coverage, failures: self.failures }
    }

    /// The answer, if the policy takes it for one.
    ///
    /// # Errors
    /// [`NotEnough`] has the answer as it is, since it may be of use nevertheless.
    pub fn enough_for(self, policy: Policy) -> Result<Self, NotEnough<T, F>> {
        if policy.is_met_by(self.coverage) { Ok(self) } else { Err(NotEnough { policy, gathered: self }) }
    }

    /// Value, coverage and failures.
    pub fn into_parts(self) -> (T, Coverage, Vec<Failure<F>>) {
        (self.value, self.coverage, self.failures)
    }
}

/// An answer of which too much is missing.
#[derive(Clone, thiserror::Error)]
#[error("{} parts have answered, and {policy} must", gathered.coverage)]
pub struct NotEnough<T, F> {
    policy: Policy,
    gathered: Gathered<T, F>,
}

impl<T, F> NotEnough<T, F> {
    /// What would have been enough.
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// The answer, as far as it goes.
    pub fn into_gathered(self) -> Gathered<T, F> {
        self.gathered
    }
}

/// Without the value, which may be large, secret, or not to be shown.
impl<T, F: fmt::Debug> fmt::Debug for NotEnough<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Gathered { coverage, failures, .. } = &self.gathered;
        f.debug_struct("NotEnough")
            .field("policy", &self.policy)
            .field("coverage", coverage)
            .field("failures", failures)
            .finish_non_exhaustive()
    }
}
