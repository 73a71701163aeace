//! Where a Redis is, and how it is used.

use std::{fmt, sync::Arc, time::Duration};

use entourage_core::{Clock, SystemClock};

use super::{
    fault::{Fault, Result},
    url,
};

/// How a [`Link`](super::Link) reaches its Redis. Printed, it shows no password.
///
/// # Examples
/// ```
/// use entourage_engine::redis::RedisOptions;
///
/// let options = RedisOptions::from_url("redis://:secret@localhost/jobs")?;
/// assert!(!format!("{options:?}").contains("secret"));
/// # Ok::<(), entourage_engine::redis::Fault>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct RedisOptions {
    pub(super) host: String,
    pub(super) port: u16,
    prefix: String,
    part: Option<&'static str>,
    user: Option<String>,
    password: Option<String>,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) clock: Arc<dyn Clock>,
    judge: Option<Arc<dyn Clock>>,
}

impl RedisOptions {
    /// Where Redis listens if nobody says otherwise.
    pub(super) const PORT: u16 = 6379;
    /// The longest prefix: it is in every key.
    const LONGEST_PREFIX: usize = 128;

    /// The server at this host and port, below the prefix `entourage`, on the system's clock.
    ///
    /// A call is given up after 5 seconds, and a connection that is not made after 2.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            prefix: "entourage".to_owned(),
            part: None,
            user: None,
            password: None,
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            clock: Arc::new(SystemClock::new()),
            judge: None,
        }
    }

    /// The server of `redis://[[user]:password@]host[:port][/prefix]`.
    ///
    /// `?timeout_ms=` and `connect_timeout_ms=` are taken; what is not text stands in percent
    /// signs. The path is a prefix and never a number of a database.
    ///
    /// # Errors
    /// [`Fault::Invalid`] for anything else, without what is secret in it.
    pub fn from_url(url: &str) -> Result<Self> {
        url::parse(url)
    }

    /// Only the keys `{prefix}` and `{prefix}:…`: letters, digits and `-_.:/`, up to 128 of them.
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Only the keys `{prefix}:part` and `{prefix}:part:…`, with a realm and a counter of their own:
    /// so a store and a queue may be given one prefix, and lie in one slot.
    pub const fn with_part(mut self, part: &'static str) -> Self {
        self.part = Some(part);
        self
    }

    /// As this user, who has a password.
    pub fn with_user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// With this password.
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// With calls that are given up after this time, answered or not.
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// With connections that are given up after this time.
    pub const fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// With deadlines by this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With scripts whose `now` is of this clock, since 2026, instead of the server's.
    ///
    /// For the conformance suites alone, which move a clock of their own: every handle of the
    /// prefix must be given the same.
    #[cfg(any(test, feature = "conformance"))]
    pub fn with_judge(mut self, clock: Arc<dyn Clock>) -> Self {
        self.judge = Some(clock);
        self
    }

    /// `{prefix}` or `{prefix}:part`, the key of its realm and counter, and the beginning of all others.
    pub(super) fn key(&self) -> Arc<str> {
        match self.part {
            Some(part) => format!("{{{}}}:{part}", self.prefix).into(),
            None => format!("{{{}}}", self.prefix).into(),
        }
    }

    /// As `host:port`.
    pub(super) fn address(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// What scripts are told to be the time in microseconds; empty if they ask the server.
    pub(super) fn judged_now(&self) -> String {
        /// The beginning of 2026, in microseconds since 1970.
        const BEGINNING: u64 = 1_767_225_600_000_000;
        let micros = |clock: &Arc<dyn Clock>| BEGINNING + clock.now().as_nanos() / 1_000;
        self.judge.as_ref().map(|clock| micros(clock).to_string()).unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<()> {
        let invalid = |why: &str| Err(Fault::Invalid(why.to_owned()));
        let prefix = self.prefix.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(byte);
        if prefix.is_empty() || prefix.len() > Self::LONGEST_PREFIX || !prefix.iter().all(is_plain) {
            return invalid("a prefix of redis is of 1 to 128 letters, digits and -_.:/");
        }
        if prefix.iter().all(u8::is_ascii_digit) {
            return invalid("a prefix of redis is no number, which reads like a database; add a letter");
        }
        if self.host.is_empty() || self.port == 0 {
            return invalid("no redis is named; name one as redis://host:port");
        }
        if self.user.is_some() && self.password.is_none() {
            return invalid("a user of redis has a password; name it too");
        }
        if self.timeout.is_zero() || self.connect_timeout.is_zero() {
            return invalid("a time-out is zero; no server answers in no time");
        }
        Ok(())
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("address", &self.address())
            .field("prefix", &self.prefix)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_no_server_takes_are_refused() {
        let of = || RedisOptions::new("localhost", 6379);
        assert!(of().check().is_ok());
        let wrong = [
            RedisOptions::new("", 6379),
            RedisOptions::new("localhost", 0),
            of().with_prefix(""),
            of().with_prefix("a b"),
            of().with_prefix("{a}"),
            of().with_prefix("7"),
            of().with_prefix("a".repeat(129)),
            of().with_user("ann"),
            of().with_timeout(Duration::ZERO),
            of().with_connect_timeout(Duration::ZERO),
        ];
        for options in wrong {
            assert!(matches!(options.check(), Err(Fault::Invalid(_))), "{options:?}");
        }
    }
}
