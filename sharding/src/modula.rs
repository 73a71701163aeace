//! The remainder as twemproxy takes it.

use crate::{
    Chars, KeyHash, Result, ShardId, ShardingFunction,
    roster::{Roster, over_servers},
    turns::Turns,
};

/// Places a key where twemproxy's `distribution: modula` does.
///
/// The servers are ordered by the length of their names and then by the names' bytes, in
/// whatever order they were given, and each stands as often in a row as its weight says. A key
/// goes to its hash modulo the length of that row. Shards are numbered in this order, from 0.
///
/// The names are twemproxy's: that after the weight, or `host:port`; or only `host` where the port
/// is 11211, and `/path:` where there is a socket without a name. With one server more, nearly
/// all keys move.
///
/// ```
/// use entourage_sharding::{KeyHash, Modula, ShardId, ShardingFunction};
///
/// let modula = Modula::new(KeyHash::Fnv1a64, [("cache-10", 1), ("cache-9", 2)])?;
/// let names: Vec<_> = modula.servers().iter().map(|server| server.name()).collect();
/// assert_eq!(names, ["cache-9", "cache-10"]);
/// assert_eq!(modula.server(modula.shard(b"key")), Some(modula.server_of(b"key")));
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modula {
    hash: KeyHash,
    chars: Chars,
    roster: Roster,
    turns: Turns,
}

impl Modula {
    /// Over servers of these names and weights.
    ///
    /// # Errors
    /// [`Error::NoShards`](crate::Error::NoShards),
    /// [`Error::UnnamedServer`](crate::Error::UnnamedServer),
    /// [`Error::ZeroWeight`](crate::Error::ZeroWeight) or
    /// [`Error::DuplicateServer`](crate::Error::DuplicateServer).
    pub fn new<N: Into<String>>(hash: KeyHash, servers: impl IntoIterator<Item = (N, u32)>) -> Result<Self> {
        let roster = Roster::by_length(servers)?;
        let turns = Turns::of(&roster);
        Ok(Self { hash, chars: Chars::default(), roster, turns })
    }

    /// With C's `char` as told, where it is not signed.
    #[must_use]
    pub const fn with_chars(mut self, chars: Chars) -> Self {
        self.chars = chars;
        self
    }

    pub(crate) const fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn hash(&self, key: &[u8]) -> u32 {
        self.hash.hash_as(self.chars, key)
    }

    pub(crate) const fn largest_hash(&self) -> u32 {
        self.hash.max()
    }
}

over_servers!(Modula, "Modula::new(entourage_sharding::KeyHash::Md5, [(\"b\", 1), (\"a\", 1)])");

impl ShardingFunction for Modula {
    fn shard(&self, key: &[u8]) -> ShardId {
        self.turns.shard(self.hash(key))
    }

    fn shards(&self) -> u32 {
        self.roster.shards()
    }
}
