//! The remainder as twemproxy takes it.

use crate::{Chars, KeyHash, Result, Server, ShardId, ShardingFunction, server, turns::Turns};

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
        let mut servers: Vec<_> =
            servers.into_iter().map(|(name, weight)| Server::new(name, weight)).collect();
        server::sort_by_length(&mut servers);
        Ok(Self { hash, chars: Chars::default(), turns: Turns::new(servers)? })
    }

    /// With C's `char` as told, where it is not signed.
    #[must_use]
    pub const fn with_chars(mut self, chars: Chars) -> Self {
        self.chars = chars;
        self
    }

    /// The servers, in the order in which the shards are numbered.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        self.turns.servers()
    }

    /// The server of a shard; `None` where another function gave the shard.
    #[must_use]
    pub fn server(&self, shard: ShardId) -> Option<&Server> {
        self.servers().get(shard.index())
    }

    /// The server of a key.
    #[must_use]
    pub fn server_of(&self, key: &[u8]) -> &Server {
        &self.servers()[self.shard(key).index()]
    }

    pub(crate) const fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn hash(&self, key: &[u8]) -> u32 {
        self.hash.hash_as(self.chars, key)
    }

    /// How many bits the hash has.
    pub(crate) const fn bits(&self) -> u32 {
        u32::BITS - self.hash.max().leading_zeros()
    }
}

impl ShardingFunction for Modula {
    fn shard(&self, key: &[u8]) -> ShardId {
        self.turns.of(self.hash(key))
    }

    fn shards(&self) -> u32 {
        self.turns.shards()
    }
}
