//! How the program ends.

use std::{os::unix::process::ExitStatusExt, process, process::ExitCode};

use anyhow::Error;

/// The exit status of a command that ended so; tells why on standard error.
pub(crate) fn code(ended: Result<ExitCode, Error>) -> ExitCode {
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("entourage: {error:#}");
            ExitCode::from(if is_configuration(&error) { 2 } else { 1 })
        }
    }
}

/// The status that a shell would see of this process.
pub(crate) fn of(status: process::ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Whether it lies in what the user said, and not in the world.
fn is_configuration(error: &Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(entourage_store::Error::Invalid(_)))
            || matches!(
                cause.downcast_ref(),
                Some(entourage_election::Error::Name(_) | entourage_election::Error::Timings(_))
            )
            || cause.is::<entourage_store::Advisory>()
    })
}
