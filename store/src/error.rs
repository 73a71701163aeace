//! Why a store could not answer.

use entourage_core::{BoxError, Realm, Retryable, Verdict};

use crate::session::SessionId;

/// What a store's call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store could not answer. A refused transaction is an answer, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No answer in time: **a write may or may not have happened.** Read, then decide.
    #[error("the store did not answer; the operation may or may not have happened")]
    Unknown(#[source] BoxError),
    /// Nothing happened; the same call may succeed later.
    #[error("the store is not available; nothing was changed")]
    Unavailable(#[source] BoxError),
    /// The session ended, expired or was resumed by another incarnation; nothing happened.
    #[error("session {id} is lost; open a new one")]
    SessionLost {
        /// The session that was named.
        id: SessionId,
    },
    /// A fence, session or file of another incarnation of the store; nothing happened.
    #[error(
        "realm {found} is not this store's realm {expected}; adopt it if the store was restored on purpose"
    )]
    ForeignRealm {
        /// This store's realm.
        expected: Realm,
        /// The realm that was presented.
        found: Realm,
    },
    /// More than the backend takes, as its [`Capabilities`](crate::Capabilities) say; nothing happened.
    #[error("{what} is {given}, and this store takes at most {limit}")]
    TooLarge {
        /// What was too large, with its unit.
        what: &'static str,
        /// What was asked.
        given: u64,
        /// What is allowed.
        limit: u64,
    },
    /// A request that no store accepts; nothing happened.
    #[error("{0}")]
    Invalid(String),
    /// The disk is full; nothing happened. Free some space and try again.
    #[error("no space left for the store; nothing was changed")]
    Full(#[source] BoxError),
    /// The backend failed in a way that trying again does not mend.
    #[error("the store failed")]
    Failed(#[source] BoxError),
}

impl Error {
    /// Whether the operation may have happened in spite of the error.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether the session named in the call no longer stands.
    #[must_use]
    pub const fn is_session_lost(&self) -> bool {
        matches!(self, Self::SessionLost { .. })
    }
}

impl Retryable for Error {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Unknown(_) => Verdict::Unknown,
            Self::Unavailable(_) | Self::Full(_) => Verdict::Transient,
            _ => Verdict::Permanent,
        }
    }
}
