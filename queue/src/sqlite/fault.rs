//! Why a job ended without its effect.

use entourage_engine::sqlite::{Cause, Error as FileError};

use crate::error::Error;

/// Why a job ended without its effect: the queue refused, or its file failed.
#[derive(Debug)]
pub(super) enum Fault {
    Refused(Error),
    File(FileError),
}

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error.into())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(error) => error,
            Fault::File(error) => of_file(error),
        }
    }
}

/// The file's error under the queue's name for it, which keeps the file's words as source.
fn of_file(error: FileError) -> Error {
    let boxed = |cause: Cause| Box::new(Shared(cause));
    match error {
        FileError::Unknown(cause) => Error::Unknown(boxed(cause)),
        FileError::Unavailable(cause) => Error::Unavailable(boxed(cause)),
        FileError::DiskFull(cause) => Error::NoSpace(boxed(cause)),
        error => Error::Failed(Box::new(error)),
    }
}

/// A cause that several callers share, as an error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Shared(#[source] Cause);
