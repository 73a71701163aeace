//! Why a request got no answer.

use entourage_core::{BoxError, Retryable, Verdict};

/// What a client's call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request got no answer. An answer of any status is an answer, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No byte of the request was sent, so nothing happened; the same call may succeed later.
    #[error("the request was not sent to {authority}; nothing happened")]
    Refused {
        /// Who was called.
        authority: String,
        /// What stood in the way.
        source: BoxError,
    },
    /// The request was sent, at least in part: **it may or may not have been carried out.**
    #[error("no answer from {authority}; the request may or may not have been carried out")]
    Unknown {
        /// Who was called.
        authority: String,
        /// How the answer was lost.
        source: BoxError,
    },
    /// The answer's body is larger than the client takes; the request *was* answered.
    #[error("the answer of {authority} has more than {limit} bytes; ask for less or raise the limit")]
    TooLarge {
        /// Who was called.
        authority: String,
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// A request or a setting that is never accepted; nothing happened.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Whether the request may have been carried out in spite of the error.
    ///
    /// Also true of an answer that was too large, which is why this is not the verdict.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::TooLarge { .. })
    }

    /// Whether surely nothing happened and the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        Retryable::is_retryable(self)
    }
}

impl Retryable for Error {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { .. } => Verdict::Transient,
            Self::Unknown { .. } => Verdict::Unknown,
            Self::TooLarge { .. } | Self::Invalid(_) => Verdict::Permanent,
        }
    }
}
