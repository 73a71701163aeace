//! How a cluster is reached.

use std::{fmt, sync::Arc, time::Duration};

use entourage_core::{Clock, Realm, SystemClock};

use super::EtcdStore;
use crate::error::{Error, Result};

/// How an [`EtcdStore`] reaches its cluster. Printed, it shows no password.
///
/// # Examples
/// ```
/// use entourage_store::EtcdOptions;
///
/// let options = EtcdOptions::new(["one:2379", "two:2379"])
///     .with_prefix("team-a/")
///     .with_user("ann", "secret");
/// assert!(!format!("{options:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct EtcdOptions {
    pub(super) name: String,
    pub(super) endpoints: Vec<String>,
    pub(super) prefix: String,
    pub(super) user: Option<(String, String)>,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) keep_alive: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) realm: Option<Realm>,
    pub(super) max_value_bytes: usize,
    pub(super) max_request_bytes: usize,
}

impl EtcdOptions {
    /// The fastest ping that a server takes by default; one that is sent more often ends the
    /// connection.
    const SHORTEST_KEEP_ALIVE: Duration = Duration::from_secs(5);

    /// These servers of one cluster (`host:port`), all of its keys, named "store", on the
    /// system's clock, with values of up to 1 MiB and requests of up to 1.5 MiB.
    ///
    /// A call is given up after 5 seconds and a connection after 2; one on which answers are
    /// waited for is pinged every 6 seconds, a second more than a server's minimum.
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            name: "store".to_owned(),
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            prefix: String::new(),
            user: None,
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            keep_alive: Duration::from_secs(6),
            clock: Arc::new(SystemClock::new()),
            realm: None,
            max_value_bytes: 1024 * 1024,
            max_request_bytes: 1536 * 1024,
        }
    }

    /// With this name in a blueprint.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Only the keys below this prefix, which is taken as it is: end it with a slash.
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// As this user.
    pub fn with_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some((name.into(), password.into()));
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

    /// With a ping at this interval on connections on which an answer or a change is waited
    /// for; 5 seconds at least, which is the server's `--grpc-keepalive-min-time`.
    pub const fn with_keep_alive(mut self, interval: Duration) -> Self {
        self.keep_alive = interval;
        self
    }

    /// With deadlines and sessions by this clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Only this realm: another cluster at these addresses is refused.
    pub const fn with_realm(mut self, realm: Realm) -> Self {
        self.realm = Some(realm);
        self
    }

    /// With values of up to this many bytes.
    pub const fn with_max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// With transactions of up to this many bytes: the server's `--max-request-bytes`.
    pub const fn with_max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = bytes;
        self
    }

    /// Connects to the cluster and learns its realm.
    ///
    /// The connections live on this runtime, and so must whoever uses the store.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when no server answers in time, [`Error::Failed`] when the user is
    /// not let in, [`Error::ForeignRealm`] for a cluster of another realm than was demanded, and
    /// [`Error::Invalid`] for options that no server takes.
    pub async fn connect(self) -> Result<EtcdStore> {
        self.check()?;
        EtcdStore::connect_with(self).await
    }

    fn check(&self) -> Result<()> {
        let invalid = |what: String| Err(Error::Invalid(what));
        if self.endpoints.is_empty() {
            return invalid("no etcd server is named; name one as host:port".to_owned());
        }
        if let Some(secure) = self.endpoints.iter().find(|endpoint| endpoint.starts_with("https:")) {
            return invalid(format!("{secure} asks for tls, which is not built in; use http"));
        }
        if self.keep_alive < Self::SHORTEST_KEEP_ALIVE {
            let (given, least) = (self.keep_alive, Self::SHORTEST_KEEP_ALIVE);
            return invalid(format!("a ping every {given:?} is refused by etcd; take {least:?} or more"));
        }
        if self.timeout.is_zero() || self.connect_timeout.is_zero() {
            return invalid("a time-out is zero; no server answers in no time".to_owned());
        }
        Ok(())
    }
}

impl fmt::Debug for EtcdOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdOptions")
            .field("name", &self.name)
            .field("endpoints", &self.endpoints)
            .field("prefix", &self.prefix)
            .field("user", &self.user.as_ref().map(|(name, _)| format!("{name}:***")))
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("keep_alive", &self.keep_alive)
            .field("realm", &self.realm)
            .field("max_value_bytes", &self.max_value_bytes)
            .field("max_request_bytes", &self.max_request_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn options_that_no_server_takes_are_refused_before_it_is_asked() {
        let of = || EtcdOptions::new(["127.0.0.1:1"]);
        let none: [&str; 0] = [];
        let wrong = [
            EtcdOptions::new(none),
            EtcdOptions::new(["https://127.0.0.1:1"]),
            of().with_keep_alive(Duration::from_secs(4)),
            of().with_timeout(Duration::ZERO),
        ];
        for options in wrong {
            let answer = options.clone().connect().await;
            assert!(matches!(answer, Err(Error::Invalid(_))), "{options:?}: {answer:?}");
        }
    }
}
