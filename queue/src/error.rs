//! Why a queue could not do what was asked.

use entourage_core::{BoxError, Realm, Retryable, Verdict};

use crate::item::{ItemId, Topic};

/// What a queue's call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a queue could not do what was asked. But for [`Error::Unknown`], nothing happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No answer: **it may or may not have happened.** Publish or step again with the same
    /// ids: what was done is not done twice.
    #[error("the queue did not answer; the operation may or may not have happened")]
    Unknown(#[source] BoxError),
    /// The same call may succeed later.
    #[error("the queue is not available; nothing was changed")]
    Unavailable(#[source] BoxError),
    /// The topic would hold more than its capacity. Wait for [`room`](crate::Queue::room).
    #[error("topic {topic} is full ({capacity} items); wait until some are settled")]
    Full {
        /// The topic.
        topic: Topic,
        /// The most items it holds.
        capacity: u64,
    },
    /// These deliveries are no longer this attempt's: their lease ended or they were settled.
    /// Whoever holds them now decides; drop them and settle the rest.
    ///
    /// It comes before a conflict and a full topic: what else is in the step's way is not
    /// told before it applies to nothing but attempts that stand.
    #[error("{}", stale(.ids))]
    Stale {
        /// The items.
        ids: Vec<ItemId>,
    },
    /// A state record is at another version than the step expected. Read it and decide again.
    #[error("state {key:?} is at version {found}, not {expected}; read it and decide again")]
    StateConflict {
        /// The record's key.
        key: String,
        /// The version the step expected; 0 for absent.
        expected: u64,
        /// The version that stands there; 0 for absent.
        found: u64,
    },
    /// A delivery or file of another incarnation of the queue.
    #[error("realm {found} is not this queue's realm {expected}; adopt it if it was restored on purpose")]
    ForeignRealm {
        /// This queue's realm.
        expected: Realm,
        /// The realm that was presented.
        found: Realm,
    },
    /// More than the backend takes, as its [`Capabilities`](crate::Capabilities) say.
    #[error("{what} is {given}, and this queue takes at most {limit}")]
    TooLarge {
        /// What was too large, with its unit.
        what: &'static str,
        /// What was asked.
        given: u64,
        /// What is allowed.
        limit: u64,
    },
    /// A request that no queue accepts.
    #[error("{0}")]
    Invalid(String),
    /// The receiver was closed.
    #[error("the receiver is closed")]
    Closed,
    /// The disk is full. Free some space and try again.
    #[error("no space left for the queue; nothing was changed")]
    NoSpace(#[source] BoxError),
    /// The backend failed in a way that trying again does not mend.
    #[error("the queue failed")]
    Failed(#[source] BoxError),
}

/// Which attempts have ended, and what is to be done; a step may have a thousand of them.
fn stale(ids: &[ItemId]) -> String {
    match ids {
        [id] => format!("the attempt at item {id:?} has ended; drop it and apply the rest"),
        [first, others @ ..] => {
            let others = others.len();
            format!(
                "the attempts at item {first:?} and {others} more have ended; drop them and apply the rest"
            )
        }
        [] => "the attempt has ended; drop it".to_owned(),
    }
}

impl Error {
    /// Whether the operation may have happened in spite of the error.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether deliveries in the call were no longer this attempt's.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        matches!(self, Self::Stale { .. })
    }

    /// Whether a topic had no room.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

impl Retryable for Error {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Unknown(_) => Verdict::Unknown,
            Self::Unavailable(_) | Self::Full { .. } | Self::NoSpace(_) => Verdict::Transient,
            _ => Verdict::Permanent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_step_says_what_has_ended_and_what_to_do() {
        let stale =
            |ids: &[&str]| Error::Stale { ids: ids.iter().map(|id| ItemId::from(*id)).collect() }.to_string();
        assert_eq!(stale(&["a"]), "the attempt at item \"a\" has ended; drop it and apply the rest");
        let three = stale(&["a", "b", "c"]);
        assert_eq!(three, "the attempts at item \"a\" and 2 more have ended; drop them and apply the rest");
    }
}
