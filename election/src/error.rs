//! Why something could not be owned.

use entourage_core::{Retryable, Verdict};

use crate::{name::InvalidName, timings::ImpossibleTimings};

/// What a call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be owned, or is owned no longer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that cannot be laid out in the store.
    #[error("the name cannot be used")]
    Name(#[from] InvalidName),
    /// Timings under which two could own at once, or nobody for long.
    #[error("the timings cannot work")]
    Timings(#[from] ImpossibleTimings),
    /// The ownership ended before: by its deadline, by the store's word, or by an operator.
    /// Stop what depends on it, and acquire again.
    #[error("{name:?} is no longer owned here; stop what depends on it and acquire it again")]
    Lost {
        /// What was owned.
        name: String,
    },
    /// The store could not answer, for a reason that waiting does not mend.
    #[error("the store of {name:?} failed")]
    Store {
        /// What was to be owned.
        name: String,
        /// What the store said.
        source: entourage_store::Error,
    },
}

impl Error {
    /// Whether it says that the ownership ended before the call.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}

impl Retryable for Error {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Store { source, .. } => source.verdict(),
            _ => Verdict::Permanent,
        }
    }
}
