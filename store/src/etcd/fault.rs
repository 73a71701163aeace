//! What an error of the client or of the server says about what happened.

use std::{error::Error as StdError, io};

use entourage_core::{Elapsed, planted};

use crate::error::Error;

/// Whether a call that was not answered may have changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    Read,
    Write,
}

/// Why a call was not answered.
#[derive(Debug)]
pub(super) enum Fault {
    /// The lease that was named is not there; nothing happened.
    LeaseGone,
    /// The revision that was named is not kept any more; nothing happened.
    Compacted,
    /// Anything else.
    Other {
        error: Error,
        /// Whether the connection itself is to be given up.
        broken: bool,
    },
}

/// How a server begins what it says itself.
const SAID: &str = "etcdserver: ";

/// gRPC's numbers of what went wrong.
mod code {
    pub(super) const INVALID_ARGUMENT: i32 = 3;
    pub(super) const NOT_FOUND: i32 = 5;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const FAILED_PRECONDITION: i32 = 9;
    pub(super) const OUT_OF_RANGE: i32 = 11;
    pub(super) const UNIMPLEMENTED: i32 = 12;
    pub(super) const UNAUTHENTICATED: i32 = 16;
}

impl Fault {
    /// What `error` says of a call that was sent, or was to be.
    pub(super) fn of(error: etcd_client::Error, intent: Intent) -> Self {
        match &error {
            etcd_client::Error::GRpcStatus(status) => {
                let (code, message) = (status.code() as i32, status.message().to_owned());
                match message.strip_prefix(SAID) {
                    Some(said) => Self::said(said, code, error, intent),
                    None if was_not_sent(&error) => Self::unavailable(error, true),
                    None => Self::unanswered(error, intent, true),
                }
            }
            // The client's word for the server's answer that a lease has no time left.
            etcd_client::Error::LeaseKeepAliveError(why) if why.contains("not found") => Self::LeaseGone,
            etcd_client::Error::InvalidArgs(_)
            | etcd_client::Error::InvalidUri(_)
            | etcd_client::Error::InvalidMetadataValue(_) => Self::failed(error),
            _ if was_not_sent(&error) => Self::unavailable(error, true),
            _ => Self::unanswered(error, intent, true),
        }
    }

    /// What the server itself said.
    fn said(said: &str, code: i32, error: etcd_client::Error, intent: Intent) -> Self {
        match (said, code) {
            ("requested lease not found", _) => Self::LeaseGone,
            ("mvcc: required revision has been compacted", _) => Self::Compacted,
            ("mvcc: database space exceeded", _) if !planted("etcd-without-space-has-failed") => {
                Self::Other { error: Error::Full(Box::new(error)), broken: false }
            }
            // Both are said before anything is proposed.
            ("no leader" | "too many requests", _) => Self::unavailable(error, false),
            ("request is too large" | "too many operations in txn request", _) => {
                let why = format!("etcd takes less than its defaults: {said}; ask for less at once");
                Self::Other { error: Error::Invalid(why), broken: false }
            }
            (
                _,
                code::INVALID_ARGUMENT
                | code::NOT_FOUND
                | code::PERMISSION_DENIED
                | code::FAILED_PRECONDITION
                | code::OUT_OF_RANGE
                | code::UNIMPLEMENTED
                | code::UNAUTHENTICATED,
            ) => Self::failed(error),
            // It timed out, stopped, or the leader changed: the others may go on with it.
            _ => Self::unanswered(error, intent, false),
        }
    }

    /// The local deadline passed; `sent` if the request may be on its way.
    pub(super) fn elapsed(elapsed: Elapsed, intent: Intent, sent: bool) -> Self {
        let error = match intent {
            Intent::Write if sent => Error::Unknown(Box::new(elapsed)),
            _ => Error::Unavailable(Box::new(elapsed)),
        };
        Self::Other { error, broken: true }
    }

    pub(super) const fn whole(error: Error) -> Self {
        Self::Other { error, broken: false }
    }

    pub(super) const fn is_broken(&self) -> bool {
        matches!(self, Self::Other { broken: true, .. })
    }

    /// Whether another server may do what this one did not.
    pub(super) const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Other { error: Error::Unavailable(_), .. })
    }

    pub(super) const fn is_unknown(&self) -> bool {
        matches!(self, Self::Other { error: Error::Unknown(_), .. })
    }

    fn unavailable(error: etcd_client::Error, broken: bool) -> Self {
        Self::Other { error: Error::Unavailable(Box::new(error)), broken }
    }

    fn unanswered(error: etcd_client::Error, intent: Intent, broken: bool) -> Self {
        match intent {
            Intent::Read => Self::unavailable(error, broken),
            Intent::Write => Self::Other { error: Error::Unknown(Box::new(error)), broken },
        }
    }

    fn failed(error: etcd_client::Error) -> Self {
        Self::whole(Error::Failed(Box::new(error)))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Other { error, .. } => error,
            Fault::LeaseGone => Self::Failed("etcd does not know the lease of this call".into()),
            Fault::Compacted => Self::Unavailable("etcd was compacted while it was read; read again".into()),
        }
    }
}

/// Whether there was no connection to send anything on.
fn was_not_sent(error: &etcd_client::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = match error {
        // The client's error does not name these as its sources.
        etcd_client::Error::GRpcStatus(status) => Some(status),
        etcd_client::Error::TransportError(error) => Some(error),
        etcd_client::Error::IoError(error) => Some(error),
        _ => None,
    };
    while let Some(error) = next {
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if error.downcast_ref().is_some_and(refused) {
            return true;
        }
        next = error.source();
    }
    false
}
