//! What a fault of the link means to a caller of the queue.

use entourage_core::Realm;
use entourage_engine::redis::{Fault, Refusal};

use crate::error::{Error, Result};

/// The queue's name for a fault, which keeps its words as source.
pub(super) fn of(fault: Fault) -> Error {
    match fault {
        Fault::Unknown(_) => Error::Unknown(Box::new(fault)),
        Fault::Refused { why: Refusal::OutOfMemory, .. } => Error::NoSpace(Box::new(fault)),
        Fault::Unavailable(_) | Fault::Refused { .. } => Error::Unavailable(Box::new(fault)),
        Fault::Foreign { known, found: Some(found), .. } => Error::ForeignRealm { expected: known, found },
        Fault::Foreign { known, found: None, .. } => {
            // What was emptied has no realm until somebody opens it.
            Error::ForeignRealm { expected: known, found: Realm::new(0) }
        }
        fault => Error::Failed(Box::new(fault)),
    }
}

/// Of a call that only looks: what may have been swept on the way is nothing of the caller's.
pub(super) fn looked<T>(answer: Result<T>) -> Result<T> {
    answer.map_err(|error| match error {
        Error::Unknown(cause) => Error::Unavailable(cause),
        error => error,
    })
}

/// Something that no script of ours answers.
pub(super) fn garbled(what: &'static str) -> Error {
    Error::Failed(format!("redis answered {what}, which no script of the queue does").into())
}
