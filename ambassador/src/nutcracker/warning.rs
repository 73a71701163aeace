//! What a file may say, and had better not.

use std::fmt;

use super::invalid::{Excerpt, Place};

/// Something that the file may say, and that will surprise somebody.
///
/// It prints as `line 7: pool "alpha": …`. nutcracker says nothing of the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub(super) at: Place,
    pub(super) pool: String,
    pub(super) concern: Concern,
}

impl Warning {
    /// The line, from 1: that of the key, or of the pool where a key is not there.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.at.line
    }

    /// The pool that it is about.
    #[must_use]
    pub fn pool(&self) -> &str {
        &self.pool
    }

    /// What it is about.
    #[must_use]
    pub const fn concern(&self) -> &Concern {
        &self.concern
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: pool {}: {}", self.at.line, Excerpt::of(&self.pool), self.concern)
    }
}

/// What a warning is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Concern {
    /// A hash of 15 bits, of which a ring of 32 bits shows one server.
    Crc32Ketama,
    /// A hash whose low bits are uneven.
    Fnv164Ketama,
    /// Servers that the ring gives no key.
    Starved {
        /// Their names.
        servers: Vec<String>,
    },
    /// Keys that go anywhere.
    Random,
    /// A limit that nutcracker reads and forgets.
    ClientConnections {
        /// How many there may be.
        limit: u32,
    },
    /// No time-out.
    NoTimeout {
        /// Whether failing servers are to be ejected.
        ejects: bool,
    },
    /// More than one connection to a server.
    ServerConnections {
        /// How many.
        count: u32,
    },
    /// An address in brackets, which nutcracker cannot resolve.
    Ipv6Brackets,
    /// One server, which has all keys.
    OneServer {
        /// Whether it is to be ejected when it fails.
        ejects: bool,
    },
    /// A hash tag that is half a character on each side.
    HashTagBytes,
    /// One address under two names.
    SameAddress {
        /// The name before.
        first: String,
        /// And its line.
        line: usize,
    },
    /// A key for pools of Redis in a pool of memcached.
    RedisOnly {
        /// The key.
        key: &'static str,
    },
    /// A key that means nothing without `auto_eject_hosts`.
    WithoutEjection {
        /// The key.
        key: &'static str,
    },
    /// A key that the released nutcracker refuses.
    ReusePort,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crc32Ketama => f.write_str(
                "hash: crc32 has 15 bits here, so that ketama puts nearly all keys on one server; \
                 crc32a spreads them, and moves them",
            ),
            Self::Fnv164Ketama => f.write_str(
                "hash: fnv1_64 is uneven on keys that end in numbers; fnv1a_64 is even, and moves keys",
            ),
            Self::Starved { servers } => {
                let names = servers.iter().take(5).map(|name| Excerpt::of(name).to_string());
                let more = if servers.len() > 5 { ", …" } else { "" };
                let names = names.collect::<Vec<_>>().join(", ");
                write!(
                    f,
                    "servers: {names}{more} cannot get a key, beside such weights; make weights less unequal"
                )
            }
            Self::Random => {
                f.write_str("distribution: random sends a key to any server: what was set is often not found")
            }
            Self::ClientConnections { limit } => {
                write!(
                    f,
                    "client_connections: the limit of {limit} holds here; nutcracker reads and ignores it"
                )
            }
            Self::NoTimeout { ejects: false } => {
                f.write_str("timeout: a silent server is waited for for ever; write a number of milliseconds")
            }
            Self::NoTimeout { ejects: true } => f.write_str(
                "timeout: a silent server is waited for for ever, and never ejected; \
                 write a number of milliseconds",
            ),
            Self::ServerConnections { count } => write!(
                f,
                "server_connections: with {count} a client that pipelines may not read what it wrote; 1 keeps order"
            ),
            Self::Ipv6Brackets => {
                f.write_str("an address of IPv6 in brackets is taken here; nutcracker cannot resolve it")
            }
            Self::OneServer { ejects: false } => f.write_str("servers: one server has all keys"),
            Self::OneServer { ejects: true } => f.write_str(
                "servers: one server has all keys, and while it is ejected every request fails at once",
            ),
            Self::HashTagBytes => f.write_str(
                "hash_tag: it is one character of two bytes, not two characters, and never matches as meant",
            ),
            Self::SameAddress { first, line } => {
                let first = Excerpt::of(first);
                write!(f, "servers: the address is that of {first} in line {line}: one server has both parts")
            }
            Self::RedisOnly { key } => write!(f, "{key}: it means nothing without `redis: true`"),
            Self::WithoutEjection { key } => {
                write!(f, "{key}: it means nothing without `auto_eject_hosts: true`")
            }
            Self::ReusePort => f.write_str("reuseport: nutcracker 0.5.0 refuses a file with this key"),
        }
    }
}
