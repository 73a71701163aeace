//! How much and how long a client waits and takes.

use std::time::Duration;

use crate::error::{Error, Result};

/// What one client sends, takes and waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    pub(super) connect_time: Duration,
    pub(super) deadline: Duration,
    pub(super) connections: usize,
    pub(super) idle: usize,
    pub(super) idle_time: Duration,
    pub(super) age: Duration,
    pub(super) header_bytes: usize,
    pub(super) headers: usize,
    pub(super) body_bytes: usize,
    pub(super) tries: u32,
}

impl ClientLimits {
    /// The defaults, which the crate page has in a table.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            connect_time: Duration::from_secs(2),
            deadline: Duration::from_secs(10),
            connections: 16,
            idle: 4,
            idle_time: Duration::from_secs(30),
            age: Duration::from_secs(300),
            header_bytes: 16 * 1024,
            headers: 64,
            body_bytes: 1024 * 1024,
            tries: 1,
        }
    }

    settings! {
        /// From the look-up of the name to the connection.
        with_connect_time connect_time: Duration;
        /// From the call to the whole answer, every try included.
        with_deadline deadline: Duration;
        /// Requests at once; one more waits, within its deadline.
        with_connections connections: usize;
        /// Connections that are kept for the next requests; zero keeps none.
        with_idle idle: usize;
        /// The longest that a connection is kept unused; less than the server's.
        with_idle_time idle_time: Duration;
        /// The longest that a connection is used at all, so that names are looked up again.
        with_age age: Duration;
        /// Bytes of an answer's head, 8 KiB at least.
        with_header_bytes header_bytes: usize;
        /// Header fields of an answer.
        with_headers headers: usize;
        /// Bytes of an answer's body, and of a request's.
        with_body_bytes body_bytes: usize;
        /// Tries of one call; more than one asks for retries, of what is harmless to repeat.
        with_tries tries: u32;
    }

    pub(super) fn check(&self) -> Result<()> {
        let zeros = [
            ("connections", self.connections == 0),
            ("connect time", self.connect_time.is_zero()),
            ("deadline", self.deadline.is_zero()),
            ("headers", self.headers == 0),
            ("tries", self.tries == 0),
        ];
        match zeros.iter().find(|(_, is_zero)| *is_zero).map(|(name, _)| name) {
            Some(name) => Err(Error::Invalid(format!("a limit of zero {name} asks nobody; raise it"))),
            None => Ok(()),
        }
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self::new()
    }
}
