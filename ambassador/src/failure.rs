//! Why a request has no reply.

use std::{fmt, rc::Rc};

/// Why a request has no reply: what happened, and at which server.
///
/// It begins with the words that twemproxy's users know, those of the C library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// The server's name on the ring; empty where none was chosen.
    pub(crate) server: Rc<str>,
}

impl Failure {
    /// Of a part that neither answered nor failed; what is complete has none.
    pub(crate) fn unheard() -> Self {
        Self { cause: Cause::Lost, server: "a server".into() }
    }
}

/// What happened to a request that has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No answer within the pool's time-out: it may have been done.
    TimedOut,
    /// The server could not be connected to: it was not done.
    Refused,
    /// The connection ended before the reply: it may have been done.
    Lost,
    /// The server's name has no address, yet.
    Unresolved,
    /// The server would not take the connection: a wrong password, say.
    Rejected,
    /// The server sent what cannot be a reply: it may have been done.
    Lied,
    /// This process has no descriptor for a connection: it was not done.
    NoDescriptor,
    /// The server is ejected, and its keys are not served by others.
    Ejected,
    /// The same, and what is read of it is read as missing.
    Missed,
    /// No server is left.
    NoServer,
    /// A key that is to move cannot be stored at its new server; it is where it was.
    Unmoved,
    /// As much is queued for the server as may be: it was not done.
    Full,
    /// The reply is longer than allowed: it was done.
    TooLong,
}

impl Cause {
    /// Whether the request may have been done all the same.
    pub(crate) const fn may_be_done(self) -> bool {
        matches!(self, Self::TimedOut | Self::Lost | Self::Lied | Self::TooLong)
    }

    /// Whether it speaks against the server, so that it counts towards its ejection.
    pub(crate) const fn blames_server(self) -> bool {
        match self {
            Self::TimedOut | Self::Refused | Self::Lost | Self::Unresolved | Self::Rejected | Self::Lied => {
                true
            }
            Self::NoDescriptor
            | Self::Unmoved
            | Self::Ejected
            | Self::Missed
            | Self::NoServer
            | Self::Full
            | Self::TooLong => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = &self.server;
        match self.cause {
            Cause::TimedOut => {
                write!(f, "Connection timed out: {server} did not answer; it may have been done")
            }
            Cause::Refused => write!(f, "Connection refused: {server} cannot be reached; try again later"),
            Cause::Lost => {
                write!(
                    f,
                    "Connection reset by peer: {server} went away before it answered; it may have been done"
                )
            }
            Cause::Unresolved => write!(f, "Host is unreachable: the name of {server} has no address yet"),
            Cause::Rejected => {
                write!(f, "Permission denied: {server} does not let this proxy in; see its log")
            }
            Cause::Lied => {
                write!(f, "Invalid argument: {server} sent what is no reply to this; it may have been done")
            }
            Cause::Unmoved => {
                write!(
                    f,
                    "Device or resource busy: {server} does not take a key that is to move there; try again"
                )
            }
            Cause::NoDescriptor => {
                write!(f, "Too many open files: no connection to {server} can be made now; try again")
            }
            Cause::Ejected | Cause::Missed => {
                write!(f, "Host is down: {server} is ejected and its keys are not served")
            }
            Cause::NoServer => f.write_str("Host is down: every server of the pool is ejected"),
            Cause::Full => {
                write!(f, "Resource temporarily unavailable: too much is queued for {server}; try again")
            }
            Cause::TooLong => {
                write!(f, "Message too long: the reply of {server} is larger than the proxy allows")
            }
        }
    }
}
