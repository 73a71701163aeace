//! How even a ring is.

use super::ConsistentRing;
use crate::ShardId;

impl ConsistentRing {
    /// The part of all possible keys that a shard gets, from 0 to 1; exact.
    ///
    /// Its ideal is the server's weight over the sum of weights. Ask before a set of
    /// names goes into production: names place the points, and chance may be unkind.
    /// It takes the keys' hashes to be even over the range of the dialect's hash, which
    /// twemproxy's `fnv1_64` and `crc16` are not for keys that are alike.
    /// Takes time linear in the points; [`shares`](Self::shares) tells all at once.
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
        self.shares().get(shard.index()).copied().unwrap_or_default()
    }

    /// The [`share`](Self::share) of each shard, in their order.
    ///
    /// ```
    /// let ring = entourage_sharding::ConsistentRing::of(["a", "b", "c"])?;
    /// assert!(ring.shares().iter().all(|share| (0.2..0.5).contains(share)));
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        let end = u128::from(self.dialect.largest_hash()) + 1;
        let mut owned = vec![0_u128; self.servers().len()];
        // A point owns the hashes after the point before it, up to itself. What comes after the
        // last one is the first one's.
        let mut begin = 0;
        for (hash, owner) in self.table.hashes().iter().zip(self.table.owners()) {
            let next = (u128::from(hash >> self.dialect.spare_bits()) + 1).min(end);
            owned[*owner as usize] += next - begin;
            begin = next;
        }
        owned[self.table.owners()[0] as usize] += end - begin;
        owned.into_iter().map(|owned| owned as f64 / end as f64).collect()
    }

    /// How many servers the hash of a key can reach at all.
    ///
    /// Fewer than there are servers are a mistake: some are [starved](Self::starved), or the hash
    /// has too small a range, as twemproxy's `crc32` has, with which a ring sends all keys to the
    /// first one or two servers.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, Dialect, KeyHash};
    ///
    /// let five = |hash| {
    ///     let builder = ConsistentRing::builder().dialect(Dialect::Twemproxy(hash));
    ///     (0..5).fold(builder, |ring, n| ring.server(format!("10.0.0.{n}:6379"), 1)).build()
    /// };
    /// assert_eq!(five(KeyHash::Crc32a)?.reachable(), 5);
    /// assert_eq!(five(KeyHash::Crc32)?.reachable(), 1);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn reachable(&self) -> usize {
        self.shares().into_iter().filter(|share| *share > 0.0).count()
    }

    /// The names of the servers that have no point, and so never get a key.
    ///
    /// Twemproxy's, libmemcached's and libketama's rings have such servers where weights are far
    /// apart; ours never.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, Dialect, KeyHash};
    ///
    /// let ring = ConsistentRing::builder()
    ///     .dialect(Dialect::Twemproxy(KeyHash::Fnv1a64))
    ///     .server("heavy", 1_000)
    ///     .server("light", 1)
    ///     .build()?;
    /// assert_eq!(ring.starved(), ["light"]);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn starved(&self) -> Vec<&str> {
        let mut has_point = vec![false; self.servers().len()];
        self.table.owners().iter().for_each(|owner| has_point[*owner as usize] = true);
        let servers = self.servers().iter().zip(has_point);
        servers.filter(|(_, has_point)| !has_point).map(|(server, _)| server.name()).collect()
    }
}
