//! Consistent hashing over a ring of points.

mod builder;
mod points;
mod server;

use xxhash_rust::xxh3::xxh3_64;

use self::points::Point;
pub use self::{
    builder::ConsistentRingBuilder,
    points::{DEFAULT_POINTS_PER_WEIGHT, MAX_POINTS},
    server::Server,
};
use crate::{Result, ShardId, ShardingFunction};

/// Places keys on named, weighted servers, and moves few when servers change.
///
/// A ring is a function of the *set* of its servers' names and weights and of its
/// points per weight: the order in which they were given does not matter. Shards are
/// numbered by name, in the order of the names' bytes. A look-up is one hash and one
/// binary search, and allocates nothing.
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
    /// By name.
    servers: Vec<Server>,
    /// By hash, then by server; never empty.
    points: Vec<Point>,
}

impl ConsistentRing {
    /// Starts without servers, with 160 points for each unit of weight.
    ///
    /// ```
    /// let ring = entourage_sharding::ConsistentRing::builder().server("only", 1).build()?;
    /// assert_eq!(ring.server_of(b"any key").name(), "only");
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub const fn builder() -> ConsistentRingBuilder {
        ConsistentRingBuilder::new()
    }

    /// A ring of servers of equal weight.
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

    /// The servers, by name; the shard of number `n` is the `n`-th.
    ///
    /// ```
    /// let ring = entourage_sharding::ConsistentRing::of(["b", "a"])?;
    /// let names: Vec<_> = ring.servers().iter().map(|server| server.name()).collect();
    /// assert_eq!(names, ["a", "b"]);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The server of a shard; `None` where another ring gave the shard.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, ShardId};
    ///
    /// let ring = ConsistentRing::of(["a", "b"])?;
    /// assert_eq!(ring.server(ShardId::new(1)).map(|server| server.name()), Some("b"));
    /// assert_eq!(ring.server(ShardId::new(2)), None);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn server(&self, shard: ShardId) -> Option<&Server> {
        self.servers.get(shard.index())
    }

    /// The server of a key.
    ///
    /// ```
    /// let ring = entourage_sharding::ConsistentRing::of(["a", "b"])?;
    /// assert!(["a", "b"].contains(&ring.server_of(b"key").name()));
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn server_of(&self, key: &[u8]) -> &Server {
        &self.servers[self.points[self.position(key)].server()]
    }

    /// The shard of the server of this name.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, ShardId};
    ///
    /// let ring = ConsistentRing::of(["b", "a"])?;
    /// assert_eq!(ring.shard_of_server("b"), Some(ShardId::new(1)));
    /// assert_eq!(ring.shard_of_server("c"), None);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn shard_of_server(&self, name: &str) -> Option<ShardId> {
        let at = self.servers.binary_search_by(|server| server.name().cmp(name)).ok()?;
        Some(shard_id(at))
    }

    /// The `n` distinct shards that a key prefers, the best first.
    ///
    /// The first is the key's own shard. Without it the key would go to the second,
    /// and so on: take a server out of the ring, and the others keep their order. All
    /// shards, where there are fewer than `n`.
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
        let n = n.min(self.servers.len());
        let mut replicas = Vec::with_capacity(n);
        if n == 0 {
            return replicas;
        }
        let mut taken = vec![false; self.servers.len()];
        let (before, after) = self.points.split_at(self.position(key));
        for point in after.iter().chain(before) {
            if !std::mem::replace(&mut taken[point.server()], true) {
                replicas.push(shard_id(point.server()));
                if replicas.len() == n {
                    break;
                }
            }
        }
        replicas
    }

    /// The part of all possible keys that a shard gets, from 0 to 1; exact.
    ///
    /// Its ideal is the server's weight over the sum of weights. Ask before a set of
    /// names goes into production: names place the points, and chance may be unkind.
    /// Takes time linear in the points.
    ///
    /// ```
    /// let ring = entourage_sharding::ConsistentRing::of(["a", "b"])?;
    /// let of = |name| ring.shard_of_server(name).map_or(0.0, |shard| ring.share(shard));
    /// assert!((of("a") + of("b") - 1.0).abs() < 1e-9);
    /// assert!((0.3..0.7).contains(&of("a")));
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn share(&self, shard: ShardId) -> f64 {
        // A point owns the hashes after the point before it, up to itself. The first
        // one's come round from the last.
        let hashes = self.points.iter().map(|point| point.hash());
        let last = self.points.last().map_or(0, |point| point.hash());
        let before = std::iter::once(last).chain(hashes.clone());
        if self.points.iter().all(|point| point.hash() == last) {
            return if self.points[0].server() == shard.index() { 1.0 } else { 0.0 };
        }
        let owned: u128 = self
            .points
            .iter()
            .zip(before)
            .filter(|(point, _)| point.server() == shard.index())
            .map(|(point, before)| u128::from(point.hash().wrapping_sub(before)))
            .sum();
        owned as f64 / 2f64.powi(64)
    }

    /// Where the first point at or after the key's hash is, round the end.
    fn position(&self, key: &[u8]) -> usize {
        let hash = xxh3_64(key);
        let at = self.points.partition_point(|point| point.hash() < hash);
        if at == self.points.len() { 0 } else { at }
    }
}

impl ShardingFunction for ConsistentRing {
    fn shard(&self, key: &[u8]) -> ShardId {
        shard_id(self.points[self.position(key)].server())
    }

    fn shards(&self) -> u32 {
        shard_id(self.servers.len()).number()
    }
}

fn shard_id(index: usize) -> ShardId {
    ShardId::new(u32::try_from(index).expect("a server has a point, and there are at most MAX_POINTS"))
}
