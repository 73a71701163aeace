//! What a fault of the link says to a caller of the store.

use entourage_engine::redis::{Fault, Refusal};

use crate::error::Error;

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unknown(_) => Self::Unknown(Box::new(fault)),
            Fault::Refused { why: Refusal::OutOfMemory, .. } => Self::Full(Box::new(fault)),
            Fault::Unavailable(_) | Fault::Refused { .. } => Self::Unavailable(Box::new(fault)),
            Fault::Invalid(why) => Self::Invalid(why),
            // Another realm, a server that went back, a wrong password: nothing that passes.
            _ => Self::Failed(Box::new(fault)),
        }
    }
}
