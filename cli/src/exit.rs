//! How the program ends.

use std::{fmt, os::unix::process::ExitStatusExt, process, process::ExitCode};

use anyhow::Error;

use crate::refusal;

/// What the user said cannot work; it says what to do.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The exit status of a command that ended so; tells why on standard error.
pub(crate) fn code(ended: Result<ExitCode, Error>) -> ExitCode {
    match ended {
        Ok(code) => code,
        Err(error) => {
            tell(&error);
            ExitCode::from(if is_configuration(&error) { 2 } else { 1 })
        }
    }
}

/// Says what went wrong on standard error, without the passwords that the user gave.
pub(crate) fn tell(error: &Error) {
    eprintln!("entourage: {}", refusal::without_passwords(format!("{error:#}")));
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
            || matches!(cause.downcast_ref(), Some(entourage_queue::Error::Invalid(_)))
            || matches!(cause.downcast_ref(), Some(entourage_workqueue::SourceError::Invalid(_)))
            || cause.downcast_ref().is_some_and(is_of_the_proxy)
            || cause.is::<entourage_ambassador::nutcracker::Unusable>()
            || cause.is::<entourage_sharding::Error>()
            || cause.is::<entourage_store::Advisory>()
            || cause.is::<Usage>()
    })
}

fn is_of_the_proxy(error: &entourage_ambassador::Error) -> bool {
    use entourage_ambassador::Error::{NoPool, Ring, Tls, WarmUp, WarmUpConnections};
    matches!(error, Ring { .. } | Tls { .. } | NoPool { .. } | WarmUp { .. } | WarmUpConnections { .. })
}
