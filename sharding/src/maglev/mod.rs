//! Maglev hashing: a table that says for each slice of the hashes whose they are.

mod table;

use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::table::is_prime;
use crate::{
    Error, Result, ShardId, ShardingFunction,
    roster::{Roster, over_servers},
};

/// How many entries a Maglev table has unless it is told otherwise; a prime.
///
/// Part of the frozen default: it will not change within a major version.
pub const DEFAULT_TABLE_SIZE: u32 = 65_537;

/// The most entries that a Maglev table may have: 32 MiB of them.
pub const MAX_TABLE_SIZE: u32 = 1 << 24;

/// Places keys on named, weighted servers by one hash and one load, whatever their number.
///
/// The most even of all: servers of equal weight differ by at most one entry of the table. The
/// price is paid when servers change: beyond the newcomer's part, some more keys move between the
/// others, since the table is filled anew. Where that hurts, take a
/// [`ConsistentRing`](crate::ConsistentRing) or [`Rendezvous`](crate::Rendezvous). A table of at
/// least a hundred entries a server keeps both small; each entry costs 2 bytes. Shards are
/// numbered by name, in the order of the names' bytes.
///
/// The entry of a key is the upper 64 bits of `xxh3_64(key) × size`. A server's first entry is
/// the upper half of `xxh3_64(name)` times the size, over 2³², its step one more than the lower
/// half times the size less one, over 2³². The next turn is the server's with the least
/// `(2 × entries + 1) / weight`, of equal ones the first by name.
///
/// Source: Eisenbud et al., *Maglev: A Fast and Reliable Software Network Load Balancer* (NSDI
/// 2016), section 3.4. Weights and what is hashed are this crate's.
///
/// ```
/// use entourage_sharding::{Maglev, ShardingFunction};
///
/// let function = Maglev::of(["a", "b", "c"])?;
/// assert!(function.shard(b"user:7").number() < 3);
/// assert!((function.share(function.shard(b"user:7")) - 1.0 / 3.0).abs() < 0.000_1);
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maglev {
    /// By name.
    roster: Roster,
    /// Which server has each slice of the hashes.
    table: Vec<u16>,
}

impl Maglev {
    /// Over these servers, each with its weight, with a table of 65,537 entries.
    ///
    /// # Errors
    /// As [`with_table`](Self::with_table).
    ///
    /// ```
    /// use entourage_sharding::Maglev;
    ///
    /// assert_eq!(Maglev::new([("a", 1), ("b", 2)])?, Maglev::new([("b", 2), ("a", 1)])?);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub fn new<N: Into<String>>(servers: impl IntoIterator<Item = (N, u32)>) -> Result<Self> {
        Self::with_table(DEFAULT_TABLE_SIZE, servers)
    }

    /// Over servers of equal weight, with a table of 65,537 entries.
    ///
    /// # Errors
    /// As [`with_table`](Self::with_table).
    ///
    /// ```
    /// use entourage_sharding::{Maglev, ShardingFunction};
    ///
    /// assert_eq!(Maglev::of(["a", "b", "c"])?.shards(), 3);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Self> {
        Self::new(names.into_iter().map(|name| (name, 1)))
    }

    /// With a table of so many entries, which must be a prime.
    ///
    /// Everybody who is to agree on the placement must take the same number.
    ///
    /// # Errors
    /// [`Error::TableNotPrime`], [`Error::TableTooLarge`] above [`MAX_TABLE_SIZE`],
    /// [`Error::TooManyServers`] for its size or above 65,535, [`Error::NoShards`],
    /// [`Error::UnnamedServer`], [`Error::ZeroWeight`] or [`Error::DuplicateServer`].
    ///
    /// ```
    /// use entourage_sharding::{Error, Maglev};
    ///
    /// assert!(Maglev::with_table(655_373, [("a", 1), ("b", 1)]).is_ok());
    /// assert_eq!(Maglev::with_table(1_000, [("a", 1)]), Err(Error::TableNotPrime { size: 1_000 }));
    /// ```
    pub fn with_table<N: Into<String>>(
        size: u32,
        servers: impl IntoIterator<Item = (N, u32)>,
    ) -> Result<Self> {
        if size > MAX_TABLE_SIZE {
            return Err(Error::TableTooLarge { size, limit: MAX_TABLE_SIZE });
        }
        if !is_prime(size.into()) {
            return Err(Error::TableNotPrime { size });
        }
        let roster = Roster::by_name(servers)?;
        let (servers, limit) = (roster.servers().len(), (size as usize).min(u16::MAX.into()));
        if servers > limit {
            return Err(Error::TooManyServers { servers, limit });
        }
        let table = table::of(roster.servers(), size);
        Ok(Self { roster, table })
    }

    /// The part of all possible keys that a shard gets, from 0 to 1; exact.
    ///
    /// Of a server whose weight is too small for one entry it is 0: it gets no key at all.
    /// Takes time linear in the table.
    ///
    /// ```
    /// use entourage_sharding::{Maglev, ShardId};
    ///
    /// let function = Maglev::with_table(251, [("heavy", 1_000), ("light", 1)])?;
    /// assert_eq!(function.share(ShardId::new(1)), 0.0);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn share(&self, shard: ShardId) -> f64 {
        let entries = self.table.iter().filter(|server| usize::from(**server) == shard.index()).count();
        entries as f64 / self.table.len() as f64
    }

    /// Which entry of the table is the key's.
    pub(crate) fn entry(&self, key: &[u8]) -> usize {
        let entry = (u128::from(xxh3_64(key)) * self.table.len() as u128) >> 64;
        entry as usize
    }

    /// The shards of the entries from this key's on, once round; some many times, some never.
    pub(crate) fn walk(&self, key: &[u8]) -> impl Iterator<Item = ShardId> {
        let (before, after) = self.table.split_at(self.entry(key));
        after.iter().chain(before).map(|server| ShardId::new(u32::from(*server)))
    }
}

over_servers!(Maglev, "Maglev::of([\"b\", \"a\"])");

impl ShardingFunction for Maglev {
    #[inline]
    fn shard(&self, key: &[u8]) -> ShardId {
        ShardId::new(u32::from(self.table[self.entry(key)]))
    }

    fn shards(&self) -> u32 {
        self.roster.shards()
    }
}
