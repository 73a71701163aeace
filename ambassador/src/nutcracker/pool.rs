//! One pool of the file.

use std::{num::NonZeroU32, time::Duration};

use entourage_sharding::{HashTag, KeyHash};

use super::{Listen, Secret, Server};

/// What a pool's clients and servers speak; the key `redis`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wire {
    /// RESP2; `redis: true`.
    Redis,
    /// The text protocol of memcached, with its meta commands; `redis: false`.
    #[default]
    Memcached,
}

/// How a pool's keys are spread over its servers; the key `distribution`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Consistent hashing over points that are drawn from the servers' names.
    #[default]
    Ketama,
    /// The hash, modulo the sum of the weights.
    Modula,
    /// Any server, without regard to the key.
    Random,
}

/// One pool: an address where clients are served, and the servers that have their keys.
///
/// The fields have the names and the meaning of the file's keys, and nutcracker's defaults where
/// the file does not say. [`Config::parse`](super::Config::parse) makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pool {
    /// What the file calls it; no two have one name.
    pub name: String,
    /// Where its clients connect.
    pub listen: Listen,
    /// What they speak.
    pub protocol: Wire,
    /// The hash of a key; FNV-1a of 64 bits unless said.
    pub hash: KeyHash,
    /// The two bytes between which the part of a key stands that is hashed.
    pub hash_tag: Option<HashTag>,
    /// How hashes become servers.
    pub distribution: Distribution,
    /// How long to wait for a server's connection, and for each answer; `None`: for ever.
    pub timeout: Option<Duration>,
    /// How many connections the kernel keeps that are not accepted yet.
    pub backlog: u32,
    /// How many clients are served at a time; `None`: as many as come.
    ///
    /// nutcracker reads this key and forgets it; here it holds.
    pub client_connections: Option<NonZeroU32>,
    /// Whether the kernel probes silent connections, of clients and servers.
    pub tcp_keepalive: bool,
    /// Whether other processes may listen at the same address.
    pub reuse_port: bool,
    /// What clients have to say with `AUTH`, and what servers are told.
    pub redis_auth: Option<Secret>,
    /// The number of the database that is selected on each server.
    pub redis_db: u32,
    /// Whether servers are connected to before the first request.
    pub preconnect: bool,
    /// How many connections to each server there are at most.
    pub server_connections: NonZeroU32,
    /// Whether a server that fails is left out of the ring.
    pub auto_eject_hosts: bool,
    /// How long it is left out before it is tried again.
    pub server_retry_timeout: Duration,
    /// After how many failures in a row that happens; 0 does as 1.
    pub server_failure_limit: u32,
    /// The servers, in the order of the file; never empty, no two of one name.
    pub servers: Vec<Server>,
}

impl Pool {
    /// The names and weights that the pool's ring is made of, in the order of the file.
    ///
    /// ```
    /// use entourage_ambassador::nutcracker::Config;
    ///
    /// let config = Config::parse("\
    /// alpha:
    ///   listen: 127.0.0.1:22121
    ///   servers:
    ///    - 127.0.0.1:11211:1
    ///    - 127.0.0.1:11212:2
    ///    - /run/cache.sock:1 local
    /// ")?;
    /// let servers: Vec<_> = config.pools[0].ring_servers().collect();
    /// assert_eq!(servers, [("127.0.0.1", 1), ("127.0.0.1:11212", 2), ("local", 1)]);
    /// # Ok::<_, entourage_ambassador::nutcracker::Invalid>(())
    /// ```
    #[must_use]
    pub fn ring_servers(&self) -> impl ExactSizeIterator<Item = (&str, u32)> {
        self.servers.iter().map(|server| (server.name.as_str(), server.weight))
    }
}
