//! Whose ring it is.

use xxhash_rust::xxh3::xxh3_64;

use super::{
    ketama::{self, Rounding},
    nginx,
    points::{self, Points},
};
use crate::{Chars, KeyHash, Result, hash::md5_words, roster::Roster};

/// Whose placement a [`ConsistentRing`](crate::ConsistentRing) has: where its points are, and
/// how a key is hashed.
///
/// What each is, down to its rounding errors, and what it gives no promise for, is on the crate
/// page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Our own, and the one to take where no other program has to agree.
    #[default]
    Entourage,
    /// Twemproxy's `distribution: ketama` with this `hash`.
    ///
    /// The names are twemproxy's: that after the weight, or `host:port`; or only `host` where the
    /// port is 11211, and `/path:` where there is a socket without a name.
    Twemproxy(KeyHash),
    /// Libmemcached's `KETAMA_WEIGHTED` with this hash: twemproxy's ring.
    ///
    /// The names are `host:port`, or only `host` where the port is 11211. Plain `KETAMA` is
    /// another ring, which is not here.
    LibmemcachedWeighted(KeyHash),
    /// The library of Richard Jones, the first ketama.
    ///
    /// The names are `host:port`.
    Libketama,
    /// Nginx' `hash KEY consistent`.
    ///
    /// The names are what stands after `server` in the configuration, to the letter: with or
    /// without a port, `unix:` before a path.
    Nginx,
}

impl Dialect {
    /// Where the key is on the ring. Those of 32 bits are the upper ones of the 64.
    pub(super) fn hash(self, chars: Chars, key: &[u8]) -> u64 {
        let hash = match self {
            Self::Entourage => return xxh3_64(key),
            Self::Twemproxy(hash) | Self::LibmemcachedWeighted(hash) => hash.hash_as(chars, key),
            Self::Libketama => md5_words(key)[0],
            Self::Nginx => crc32fast::hash(key),
        };
        points::widen(hash)
    }

    /// How many of the 64 bits of a hash are never set, from below.
    pub(super) const fn spare_bits(self) -> u32 {
        if matches!(self, Self::Entourage) { 0 } else { u32::BITS }
    }

    /// The largest hash of a key, where its spare bits are cut off.
    pub(super) const fn largest_hash(self) -> u64 {
        match self {
            Self::Entourage => u64::MAX,
            Self::Twemproxy(hash) | Self::LibmemcachedWeighted(hash) => hash.max() as u64,
            Self::Libketama | Self::Nginx => u32::MAX as u64,
        }
    }

    /// The servers, in the order in which they are numbered.
    pub(super) fn roster(self, servers: Vec<(String, u32)>) -> Result<Roster> {
        match self {
            Self::Entourage => Roster::by_name(servers),
            Self::Twemproxy(_) => Roster::by_length(servers),
            Self::LibmemcachedWeighted(_) | Self::Libketama | Self::Nginx => Roster::as_given(servers),
        }
    }

    /// All points of these servers.
    pub(super) fn points(self, roster: &Roster, per_weight: u32) -> Result<Points> {
        match self {
            Self::Entourage => points::own(roster, per_weight),
            Self::Twemproxy(_) | Self::LibmemcachedWeighted(_) => ketama::points(roster, Rounding::Twemproxy),
            Self::Libketama => ketama::points(roster, Rounding::Libketama),
            Self::Nginx => nginx::points(roster),
        }
    }
}
