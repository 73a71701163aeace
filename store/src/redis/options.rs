//! How a server of Redis is reached.

use std::{fmt, sync::Arc, time::Duration};

use entourage_core::{Clock, Realm, SystemClock};
use entourage_engine::redis::{Link, RedisOptions as Server};

use super::RedisStore;
use crate::{error::Result, limits};

/// How a [`RedisStore`] reaches its server. Printed, it shows no password.
///
/// # Examples
/// ```
/// use entourage_store::RedisOptions;
///
/// let options = RedisOptions::from_url("redis://:secret@localhost/team-a")?.with_history(1_000);
/// assert!(!format!("{options:?}").contains("secret"));
/// # Ok::<(), entourage_store::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct RedisOptions {
    pub(super) name: String,
    pub(super) server: Server,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) realm: Option<Realm>,
    pub(super) history: usize,
    pub(super) max_value_bytes: usize,
}

impl RedisOptions {
    /// The server at this host and port, below the prefix `entourage`, named "store", on the
    /// system's clock, with a history of 10,000 changes and values of up to 1 MiB.
    ///
    /// A call is given up after 5 seconds, and a connection that is not made after 2.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self::of(Server::new(host, port))
    }

    /// The server of `redis://[[user]:password@]host[:port][/prefix]`, with the same defaults.
    ///
    /// `?timeout_ms=` and `connect_timeout_ms=` are taken.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for anything else, without what is secret in it.
    pub fn from_url(url: &str) -> Result<Self> {
        Ok(Self::of(Server::from_url(url)?))
    }

    fn of(server: Server) -> Self {
        let server = server.with_part("store");
        let clock = Arc::new(SystemClock::new());
        Self {
            name: "store".to_owned(),
            server,
            clock,
            realm: None,
            history: 10_000,
            max_value_bytes: 1024 * 1024,
        }
    }

    /// With this name in a blueprint.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Only the keys `{prefix}:store` and `{prefix}:store:…`: the prefix is of letters, digits and
    /// `-_.:/`, up to 128 of them. A queue may have the same.
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.server = self.server.with_prefix(prefix);
        self
    }

    /// As this user, who has a password.
    pub fn with_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.server = self.server.with_user(name).with_password(password);
        self
    }

    /// With this password.
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.server = self.server.with_password(password);
        self
    }

    /// With calls that are given up after this time, answered or not.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.server = self.server.with_timeout(timeout);
        self
    }

    /// With connections that are given up after this time.
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.server = self.server.with_connect_timeout(timeout);
        self
    }

    /// With deadlines of calls, and with what its holders believe of sessions, by this clock.
    /// When a session is over the server judges by its own.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.server = self.server.with_clock(Arc::clone(&clock));
        self.clock = clock;
        self
    }

    /// With sessions that are over by this clock instead of the server's, and believed in by it.
    ///
    /// For the conformance suite alone, which moves a clock of its own: every handle of the
    /// prefix must be given the same.
    #[cfg(feature = "conformance")]
    pub fn with_judge(mut self, clock: Arc<dyn Clock>) -> Self {
        self.server = self.server.with_judge(Arc::clone(&clock));
        self.clock = clock;
        self
    }

    /// Only this realm: a server that was emptied, or another one at this address, is refused.
    pub const fn with_realm(mut self, realm: Realm) -> Self {
        self.realm = Some(realm);
        self
    }

    /// With a history of this many changes for watches that lag behind; also bounded to 64 MiB
    /// of keys and values. The latest commit always stays.
    pub const fn with_history(mut self, changes: usize) -> Self {
        self.history = changes;
        self
    }

    /// With values of up to this many bytes; 1 MiB at most, because others wait while a script
    /// runs.
    pub const fn with_max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = if bytes < 1024 * 1024 { bytes } else { 1024 * 1024 };
        self
    }

    /// Connects to the server, and learns the realm of the prefix; one that is new is given its
    /// realm now.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable) while no server answers,
    /// [`Error::Failed`](crate::Error::Failed) for a wrong password or a prefix that holds
    /// something else, [`Error::ForeignRealm`](crate::Error::ForeignRealm) for another realm than
    /// was demanded, and [`Error::Invalid`](crate::Error::Invalid) for options that no server
    /// takes.
    pub async fn connect(self) -> Result<RedisStore> {
        let link = Link::connect(self.server.clone()).await?;
        if let Some(expected) = self.realm {
            limits::check_realm(expected, link.realm())?;
        }
        Ok(RedisStore::new(link, self))
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("name", &self.name)
            .field("server", &self.server)
            .field("realm", &self.realm)
            .field("history", &self.history)
            .field("max_value_bytes", &self.max_value_bytes)
            .finish_non_exhaustive()
    }
}
