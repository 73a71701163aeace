//! Why a file refused, or could not answer.

use std::{path::PathBuf, sync::Arc};

use entourage_core::{Retryable, Verdict};
use rusqlite::ErrorCode;

/// What lies below an [`Error`]; shared, because one failed commit answers many callers.
pub type Cause = Arc<dyn std::error::Error + Send + Sync + 'static>;

/// The result of whatever can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file refused, or could not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No answer for now, and **nothing happened**: another process holds the file, or the disk fails.
    #[error("the file is not available now, nothing happened; try again")]
    Unavailable(#[source] Cause),
    /// The commit failed half-way: **it may or may not have happened.**
    #[error("the commit did not answer; it may or may not have happened")]
    Unknown(#[source] Cause),
    /// No space left, and **nothing happened**.
    #[error("the disk is full, nothing happened; free some space and try again")]
    DiskFull(#[source] Cause),
    /// Another file lies at the path, or none: what this one wrote would be lost.
    #[error("{} is no longer the file that was opened; open it again", path.display())]
    Replaced {
        /// The file's path.
        path: PathBuf,
    },
    /// The file cannot be opened, created or written at all.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file's path.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: Cause,
    },
    /// The file holds something else, which was left as it is.
    #[error("{} is not a file of entourage and was left as it is; name another", path.display())]
    NotOurs {
        /// The file's path.
        path: PathBuf,
    },
    /// The file was written by another version of the program.
    #[error("{} holds version {found} of `{schema}`, this program needs {expected}; use the program that wrote it, or a new file", path.display())]
    Version {
        /// The file's path.
        path: PathBuf,
        /// Which part of the file: a schema's name, or `file`.
        schema: String,
        /// The version in the file.
        found: u32,
        /// The version that this program writes.
        expected: u32,
    },
    /// The file comes from elsewhere, so its fences and moments mean nothing here.
    #[error("{} {why}; adopt it if nobody uses the original any more", path.display())]
    Foreign {
        /// The file's path.
        path: PathBuf,
        /// What betrayed it.
        why: &'static str,
    },
    /// The file's contents are damaged.
    #[error("the file is damaged; restore it from a copy")]
    Corrupt(#[source] Cause),
    /// SQLite refused a statement: a mistake in the program, not in the data.
    #[error("a statement was refused")]
    Statement(#[source] Cause),
    /// A job panicked and was undone.
    #[error("a job panicked and was undone: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
}

impl Error {
    pub(crate) fn unavailable(why: impl Into<entourage_core::BoxError>) -> Self {
        Self::Unavailable(Cause::from(why.into()))
    }

    pub(crate) fn unknown(why: impl Into<entourage_core::BoxError>) -> Self {
        Self::Unknown(Cause::from(why.into()))
    }

    /// A COMMIT failed: SQLite writes the commit's mark last, so without space there is none.
    pub(crate) fn of_commit(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => error.into(),
            _ => Self::Unknown(Arc::new(error)),
        }
    }
}

/// A statement failed and what it was part of is undone.
impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let cause = Arc::new(error);
        match code {
            Some(ErrorCode::DiskFull) => Self::DiskFull(cause),
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted
                | ErrorCode::SchemaChanged,
            ) => Self::Unavailable(cause),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(cause),
            _ => Self::Statement(cause),
        }
    }
}

impl Retryable for Error {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Unavailable(_) | Self::DiskFull(_) => Verdict::Transient,
            Self::Unknown(_) => Verdict::Unknown,
            _ => Verdict::Permanent,
        }
    }
}
