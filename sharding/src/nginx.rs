//! Nginx' hashes that need no ring.

use std::net::IpAddr;

use entourage_core::planted;

use crate::{
    Result, ShardId, ShardingFunction,
    roster::{Roster, over_servers},
    turns::Turns,
};

/// How many servers that it tried already nginx draws once more before it goes over to round robin.
const MOST_IN_VAIN: u32 = 20;

/// Places a key where nginx' `hash KEY` does, without `consistent`.
///
/// Bits 16 to 30 of the key's CRC-32 modulo the sum of the weights, over the servers in the order
/// of the configuration, in which shards are numbered too. An empty key has the shard that the
/// formula gives; nginx goes round robin with it. The names are for the caller alone.
///
/// ```
/// use entourage_sharding::{NginxHash, ShardingFunction};
///
/// let upstream = NginxHash::new([("10.0.0.1:80", 9), ("10.0.0.2:80", 1)])?;
/// let tries = upstream.tries(b"/index.html");
/// assert_eq!(tries[0], upstream.shard(b"/index.html"));
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NginxHash {
    roster: Roster,
    turns: Turns,
}

impl NginxHash {
    /// Over servers of these names and weights, in the order of the configuration.
    ///
    /// # Errors
    /// As [`Modula::new`](crate::Modula::new).
    pub fn new<N: Into<String>>(servers: impl IntoIterator<Item = (N, u32)>) -> Result<Self> {
        let roster = Roster::as_given(servers)?;
        Ok(Self { turns: Turns::of(&roster), roster })
    }

    /// The distinct shards that nginx tries in turn, where those before do not answer.
    ///
    /// Not always all: after twenty draws of what it has tried already, nginx takes the next server
    /// in turn for anybody, which no key decides.
    #[must_use]
    pub fn tries(&self, key: &[u8]) -> Vec<ShardId> {
        // Each further hash is of the number of the try and the key, and is added to those before.
        let again = (1_u64..).scan(self.hash(key), |sum, number| {
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(number.to_string().as_bytes());
            hasher.update(key);
            *sum = sum.wrapping_add(middle(hasher.finalize()));
            Some(*sum)
        });
        self.turns.tries(std::iter::once(self.hash(key)).chain(again), MOST_IN_VAIN)
    }

    pub(crate) const fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn hash(&self, key: &[u8]) -> u32 {
        middle(crc32fast::hash(key))
    }

    pub(crate) const fn largest_hash(&self) -> u32 {
        middle(u32::MAX)
    }
}

over_servers!(NginxHash, "NginxHash::new([(\"a\", 1), (\"b\", 1)])");

impl ShardingFunction for NginxHash {
    fn shard(&self, key: &[u8]) -> ShardId {
        self.turns.shard(self.hash(key))
    }

    fn shards(&self) -> u32 {
        self.roster.shards()
    }
}

const fn middle(crc: u32) -> u32 {
    (crc >> 16) & 0x7fff
}

/// Places a client's address where nginx' `ip_hash` does.
///
/// Of an address of version 4, the first three bytes count, of one of version 6 all sixteen; servers
/// stand in the order of the configuration, in which shards are numbered too. As a
/// [`ShardingFunction`], a key of four bytes is an address of version 4, and of any other all bytes
/// count. The range of the hash is 0 to 6,270, so weights should sum to far less.
///
/// ```
/// use entourage_sharding::{IpHash, ShardingFunction};
///
/// let upstream = IpHash::new([("stable", 9), ("experiment", 1)])?;
/// let shard = upstream.shard_of_ip("192.0.2.7".parse()?);
/// assert_eq!(upstream.shard_of_ip("192.0.2.200".parse()?), shard);
/// assert_eq!(upstream.shard(&[192, 0, 2, 7]), shard);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpHash {
    roster: Roster,
    turns: Turns,
}

impl IpHash {
    /// Over servers of these names and weights, in the order of the configuration.
    ///
    /// # Errors
    /// As [`Modula::new`](crate::Modula::new).
    pub fn new<N: Into<String>>(servers: impl IntoIterator<Item = (N, u32)>) -> Result<Self> {
        let roster = Roster::as_given(servers)?;
        Ok(Self { turns: Turns::of(&roster), roster })
    }

    /// The shard of a client.
    ///
    /// One of version 4 that comes over a socket of version 6, `::ffff:192.0.2.7`, is to nginx
    /// an address of version 6, and here as well.
    #[must_use]
    pub fn shard_of_ip(&self, address: IpAddr) -> ShardId {
        match address {
            IpAddr::V4(address) => self.shard(&address.octets()),
            IpAddr::V6(address) => self.shard(&address.octets()),
        }
    }

    /// The distinct shards that nginx tries in turn for an address, in the bytes that
    /// [`shard`](ShardingFunction::shard) takes; not always all.
    #[must_use]
    pub fn tries(&self, address: &[u8]) -> Vec<ShardId> {
        let hashes = std::iter::successors(Some(self.hash(address)), |hash| Some(fold(*hash, address)));
        self.turns.tries(hashes, MOST_IN_VAIN)
    }

    pub(crate) const fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn hash(&self, key: &[u8]) -> u32 {
        fold(START, key)
    }

    pub(crate) const fn largest_hash(&self) -> u32 {
        RANGE - 1
    }
}

over_servers!(IpHash, "IpHash::new([(\"a\", 1), (\"b\", 1)])");

impl ShardingFunction for IpHash {
    fn shard(&self, key: &[u8]) -> ShardId {
        self.turns.shard(self.hash(key))
    }

    fn shards(&self) -> u32 {
        self.roster.shards()
    }
}

/// What the hash of an address begins with.
const START: u32 = 89;

/// What it stays below.
const RANGE: u32 = 6_271;

fn fold(start: u32, address: &[u8]) -> u32 {
    let counted = if address.len() == 4 && !planted("ip-hash-of-the-host") { &address[..3] } else { address };
    counted.iter().fold(start, |hash, byte| (hash * 113 + u32::from(*byte)) % RANGE)
}
