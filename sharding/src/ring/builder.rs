//! How a ring is put together.

use super::{ConsistentRing, DEFAULT_POINTS_PER_WEIGHT, MAX_POINTS, Server, points};
use crate::{Error, Result};

/// Collects the servers of a [`ConsistentRing`]; everything is checked at the end.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ConsistentRingBuilder {
    servers: Vec<Server>,
    points_per_weight: u32,
}

impl ConsistentRingBuilder {
    pub(super) const fn new() -> Self {
        Self { servers: Vec::new(), points_per_weight: DEFAULT_POINTS_PER_WEIGHT }
    }

    /// Adds a server: its name is its identity, its weight its part of the keys.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, ShardId};
    ///
    /// let ring = ConsistentRing::builder().server("big", 3).server("small", 1).build()?;
    /// assert!(ring.share(ShardId::new(0)) > 2.0 * ring.share(ShardId::new(1)));
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub fn server(mut self, name: impl Into<String>, weight: u32) -> Self {
        self.servers.push(Server::new(name.into(), weight));
        self
    }

    /// Takes so many points for each unit of weight; 160 unless this is called.
    ///
    /// More points spread the keys more evenly and cost 16 bytes each. Everybody who
    /// is to agree on the placement must take the same number; the points of a smaller
    /// number are among those of a larger one.
    ///
    /// ```
    /// use entourage_sharding::ConsistentRing;
    ///
    /// let ring = ConsistentRing::builder()
    ///     .server("a", 1)
    ///     .server("b", 1)
    ///     .points_per_weight(1_000)
    ///     .build()?;
    /// assert_eq!(ring.servers().len(), 2);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub const fn points_per_weight(mut self, points: u32) -> Self {
        self.points_per_weight = points;
        self
    }

    /// Checks the servers and places their points.
    ///
    /// # Errors
    /// [`Error::NoShards`], [`Error::UnnamedServer`], [`Error::ZeroWeight`],
    /// [`Error::DuplicateServer`], [`Error::ZeroPoints`], or [`Error::TooManyPoints`],
    /// before any of the points is made.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, Error};
    ///
    /// let twice = ConsistentRing::builder().server("a", 1).server("a", 2).build();
    /// assert_eq!(twice, Err(Error::DuplicateServer { name: "a".to_owned() }));
    /// ```
    pub fn build(self) -> Result<ConsistentRing> {
        let Self { mut servers, points_per_weight } = self;
        if servers.is_empty() {
            return Err(Error::NoShards);
        }
        if let Some(position) = servers.iter().position(|server| server.name().is_empty()) {
            return Err(Error::UnnamedServer { position });
        }
        if let Some(server) = servers.iter().find(|server| server.weight() == 0) {
            let name = server.name().to_owned();
            return Err(Error::ZeroWeight { name });
        }
        // By name, so that the order in which they were given does not matter.
        servers.sort_by(|a, b| a.name().cmp(b.name()));
        if let Some(pair) = servers.windows(2).find(|pair| pair[0].name() == pair[1].name()) {
            let name = pair[0].name().to_owned();
            return Err(Error::DuplicateServer { name });
        }
        if points_per_weight == 0 {
            return Err(Error::ZeroPoints);
        }
        let weight: u128 = servers.iter().map(|server| u128::from(server.weight())).sum();
        let count = weight * u128::from(points_per_weight);
        if count > MAX_POINTS as u128 {
            return Err(Error::TooManyPoints { points: count, limit: MAX_POINTS });
        }
        let points = points::of(&servers, points_per_weight);
        Ok(ConsistentRing { servers, points })
    }
}
