//! Why a source could not say what there is.

use entourage_core::{BoxError, Retryable, Verdict};

/// What a source's call returns.
pub type SourceResult<T, E = SourceError> = Result<T, E>;

/// Why a source could not say what there is. Asking changes nothing, so it may always be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// No answer; the same call may succeed later.
    #[error("{what} cannot be asked now; ask again later")]
    Unavailable {
        /// What was asked.
        what: String,
        /// What stood in the way.
        source: BoxError,
    },
    /// A server answered something else than the item or the list.
    #[error("{what} answered with status {status}; look at its log, or at the address")]
    Status {
        /// What was asked.
        what: String,
        /// The status of HTTP.
        status: u16,
    },
    /// An answer that is not what the book's interface has there.
    #[error("{what} answered what is no {expected}: {why}")]
    Malformed {
        /// What was asked.
        what: String,
        /// What should have come: `ItemList` or `Item`.
        expected: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// More than is taken.
    #[error("{what} has more than {limit} bytes; make it smaller, or name a place to fetch it from")]
    TooLarge {
        /// What was too large.
        what: String,
        /// The most, in bytes.
        limit: usize,
    },
    /// A setting with which nobody could be asked.
    #[error("{0}")]
    Invalid(String),
}

impl SourceError {
    pub(super) fn unavailable(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Unavailable { what: what.into(), source: source.into() }
    }
}

impl Retryable for SourceError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Unavailable { .. } => Verdict::Transient,
            Self::Status { status, .. } if *status >= 500 || matches!(status, 408 | 429) => {
                Verdict::Transient
            }
            _ => Verdict::Permanent,
        }
    }
}
