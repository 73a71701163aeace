//! Consistent hashing over a ring of points.

use super::{ConsistentRingBuilder, Dialect, table::Table};
use crate::{
    Chars, Result, ShardId, ShardingFunction,
    roster::{Roster, over_servers},
};

/// Places keys on named, weighted servers, and moves few when servers change.
///
/// A ring of our own [`Dialect`] is a function of the *set* of its servers' names and weights and
/// of its points per weight: the order in which they were given does not matter. Shards are
/// numbered by name, in the order of the names' bytes; in twemproxy's dialect by the
/// names' lengths first, and in the others as the servers were given. A look-up is one hash and
/// one short search, and allocates nothing.
///
/// Source: Karger et al., *Consistent Hashing and Random Trees* (STOC 1997); a dialect has its
/// program's points.
///
/// ```
/// use entourage_sharding::{ConsistentRing, ShardingFunction};
///
/// let ring = ConsistentRing::builder().server("cache-0", 1).server("cache-1", 2).build()?;
/// let shard = ring.shard(b"user:7");
/// assert_eq!(ring.server(shard), Some(ring.server_of(b"user:7")));
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistentRing {
    pub(super) dialect: Dialect,
    pub(super) chars: Chars,
    /// In the dialect's order.
    pub(super) roster: Roster,
    pub(super) table: Table,
}

impl ConsistentRing {
    /// Starts without servers, in our own dialect, with 160 points for each unit of weight.
    ///
    /// ```
    /// let ring = entourage_sharding::ConsistentRing::builder().server("only", 1).build()?;
    /// assert_eq!(ring.server_of(b"any key").name(), "only");
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub const fn builder() -> ConsistentRingBuilder {
        ConsistentRingBuilder::new()
    }

    /// A ring of servers of equal weight, in our own dialect.
    ///
    /// # Errors
    /// As [`ConsistentRingBuilder::build`].
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, ShardingFunction};
    ///
    /// let ring = ConsistentRing::of(["a", "b", "c"])?;
    /// assert_eq!(ring, ConsistentRing::of(["c", "a", "b"])?);
    /// assert_eq!(ring.shards(), 3);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Self> {
        names.into_iter().fold(Self::builder(), |builder, name| builder.server(name, 1)).build()
    }

    /// Whose placement it has.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The `n` distinct shards that a key prefers, the best first.
    ///
    /// The first is the key's own shard. Without it the key would go to the second,
    /// and so on: take a server out of the ring, and the others keep their order (except where a
    /// dialect weighs a server's points against the other servers', as all ketamas do). All
    /// shards that have points, where those are fewer than `n`.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, ShardingFunction};
    ///
    /// let ring = ConsistentRing::of(["a", "b", "c"])?;
    /// let replicas = ring.replicas(b"key", 2);
    /// assert_eq!(replicas.len(), 2);
    /// assert_eq!(replicas[0], ring.shard(b"key"));
    /// assert_ne!(replicas[0], replicas[1]);
    /// assert_eq!(ring.replicas(b"key", 9).len(), 3);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn replicas(&self, key: &[u8], n: usize) -> Vec<ShardId> {
        let n = n.min(self.servers().len());
        let mut replicas = Vec::with_capacity(n);
        let mut taken = vec![false; self.servers().len()];
        for shard in self.walk(key) {
            if replicas.len() == n {
                break;
            }
            if !std::mem::replace(&mut taken[shard.index()], true) {
                replicas.push(shard);
            }
        }
        replicas
    }

    /// The shards of all points from a key's own on, once round the ring.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, Dialect, NGINX_WALK, ShardId};
    ///
    /// let ring = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]
    ///     .into_iter()
    ///     .fold(ConsistentRing::builder(), |ring, name| ring.server(name, 1))
    ///     .dialect(Dialect::Nginx)
    ///     .build()?;
    /// // What nginx tries in turn, where the servers before it do not answer.
    /// let mut tries: Vec<ShardId> = Vec::new();
    /// for shard in ring.walk(b"/index.html").take(NGINX_WALK) {
    ///     if !tries.contains(&shard) {
    ///         tries.push(shard);
    ///     }
    /// }
    /// assert_eq!(tries, ring.replicas(b"/index.html", tries.len()));
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub fn walk(&self, key: &[u8]) -> impl Iterator<Item = ShardId> + use<'_> {
        let (before, after) = self.table.owners().split_at(self.table.find(self.hash(key)));
        after.iter().chain(before).map(|owner| ShardId::new(*owner))
    }

    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        self.dialect.hash(self.chars, key)
    }
}

over_servers!(ConsistentRing, "ConsistentRing::of([\"b\", \"a\"])");

impl ShardingFunction for ConsistentRing {
    #[inline]
    fn shard(&self, key: &[u8]) -> ShardId {
        ShardId::new(self.table.owner(self.hash(key)))
    }

    fn shards(&self) -> u32 {
        self.roster.shards()
    }
}
