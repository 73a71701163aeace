//! What `nutcracker.yml` has no words for.

use std::{collections::BTreeMap, num::NonZeroUsize, time::Duration};

#[cfg(feature = "tls")]
use crate::tls::{ClientTls, ServerTls};
use crate::{Limits, nutcracker::Secret};

/// What becomes of the keys of a server that is ejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnEjected {
    /// The others serve them, as twemproxy has it: keys are placed anew over those that are left.
    #[default]
    Rehash,
    /// They are refused with an error until the server is back; all other keys stay.
    Fail,
    /// What reads single values (`GET`, `MGET`, memcached's `get`) finds none; all else is refused
    /// with an error.
    Miss,
    /// The next server on the ring serves them; all other keys stay.
    Next,
}

/// What a client is told of a request that went to several servers, when not all of them answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Partial {
    /// One error for the whole request, as twemproxy has it; the other parts were done all the same.
    #[default]
    Error,
    /// An error in the place of each key whose server did not answer.
    PerKey,
    /// Keys whose server did not answer are missing.
    Miss,
}

/// How a proxy behaves where `nutcracker.yml` has no words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// What becomes of the keys of an ejected server.
    pub on_ejected: OnEjected,
    /// What is told of a request that was answered in part.
    pub partial: Partial,
    /// Whether an ejected server must answer a probe before it gets requests again. Without one, the
    /// next request is the probe, as twemproxy has it, and a client sees its error.
    pub probe: bool,
    /// So long after a reload each key is fetched from its old server when it is first used: it
    /// moves to its new server, with its time to live (of memcached 30 days at most), before the
    /// request goes there. `None`: keys that move are missing. A reload that changes the pool ends it early.
    ///
    /// Moves of two proxies, or of two threads of one, may meet, and bring back a key that was
    /// deleted in between; so with more than one thread it is refused, and so is a pool with more than one
    /// connection to each server.
    pub warm_up: Option<Duration>,
    /// How long after a connection could not be made the next attempt is made, at the earliest.
    pub reconnect: Duration,
    /// Threads that serve, each with connections of its own to every server.
    pub reactors: NonZeroUsize,
    /// What is taken at most.
    pub limits: Limits,
    /// How often the name of a server that is connected is looked up again; 30 s unless said, and never
    /// more often than every 10 ms. The system's resolver tells no time to live.
    pub resolve: Duration,
    /// How clients of every pool, and its servers, are known to be who they are.
    pub access: Access,
    /// The same of single pools, by name: for these, all of it is as it stands here. Each name is that of a
    /// pool when the proxy starts, so that a slip leaves none unprotected.
    pub access_of: BTreeMap<String, Access>,
}

/// How the clients and the servers of a pool are known to be who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// How clients are spoken to that come in at a port; `None`: in the open.
    #[cfg(feature = "tls")]
    pub tls: Option<ServerTls>,
    /// How servers are spoken to that are reached by host and port; `None`: in the open.
    #[cfg(feature = "tls")]
    pub upstream_tls: Option<ClientTls>,
    /// What servers of Redis are told with `AUTH`; `None`: the password `redis_auth`, if there is one.
    /// Clients say `redis_auth` either way.
    pub auth: Option<Login>,
}

/// A user and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user, as the server's list of them has it.
    pub user: String,
    /// The user's password.
    pub password: Secret,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            on_ejected: OnEjected::default(),
            partial: Partial::default(),
            probe: true,
            warm_up: None,
            reconnect: Duration::from_millis(100),
            reactors: NonZeroUsize::MIN,
            limits: Limits::default(),
            resolve: Duration::from_secs(30),
            access: Access::default(),
            access_of: BTreeMap::new(),
        }
    }
}

impl Options {
    /// What holds for the pool of this name.
    pub(crate) fn access(&self, pool: &str) -> &Access {
        self.access_of.get(pool).unwrap_or(&self.access)
    }
}
