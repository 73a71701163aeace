//! How a ring is put together.

use super::{ConsistentRing, DEFAULT_POINTS_PER_WEIGHT, Dialect, table::Table};
use crate::{Chars, Error, Result};

/// Collects the servers of a [`ConsistentRing`]; everything is checked at the end.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ConsistentRingBuilder {
    servers: Vec<(String, u32)>,
    dialect: Dialect,
    chars: Chars,
    points_per_weight: Option<u32>,
}

impl ConsistentRingBuilder {
    pub(super) const fn new() -> Self {
        Self {
            servers: Vec::new(),
            dialect: Dialect::Entourage,
            chars: Chars::Signed,
            points_per_weight: None,
        }
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
        self.servers.push((name.into(), weight));
        self
    }

    /// Places keys where another program does; our own dialect unless this is called.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, Dialect, KeyHash};
    ///
    /// let ring = ConsistentRing::builder()
    ///     .dialect(Dialect::Twemproxy(KeyHash::Fnv1a64))
    ///     .server("127.0.0.1:6379", 1)
    ///     .server("127.0.0.1:6380", 1)
    ///     .server("127.0.0.1:6381", 1)
    ///     .build()?;
    /// assert_eq!(ring.server_of(b"key-0").name(), "127.0.0.1:6380");
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub const fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Whether C's `char` is signed where the dialect's program runs; it is unless this is called.
    pub const fn chars(mut self, chars: Chars) -> Self {
        self.chars = chars;
        self
    }

    /// Takes so many points for each unit of weight; 160 unless this is called.
    ///
    /// Only in our own dialect: with the others the number is part of it.
    /// More points spread the keys more evenly and cost up to 20 bytes each. Everybody who
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
        self.points_per_weight = Some(points);
        self
    }

    /// Checks the servers and places their points.
    ///
    /// # Errors
    /// [`Error::NoShards`], [`Error::UnnamedServer`], [`Error::ZeroWeight`],
    /// [`Error::DuplicateServer`], [`Error::ZeroPoints`], [`Error::FixedPoints`] where the dialect
    /// is not our own, or [`Error::TooManyPoints`], before any of the points is made.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, Error};
    ///
    /// let twice = ConsistentRing::builder().server("a", 1).server("a", 2).build();
    /// assert_eq!(twice, Err(Error::DuplicateServer { name: "a".to_owned() }));
    /// ```
    pub fn build(self) -> Result<ConsistentRing> {
        let Self { servers, dialect, chars, points_per_weight } = self;
        let roster = dialect.roster(servers)?;
        match points_per_weight {
            Some(0) => return Err(Error::ZeroPoints),
            Some(_) if dialect != Dialect::Entourage => return Err(Error::FixedPoints { dialect }),
            _ => {}
        }
        let points = dialect.points(&roster, points_per_weight.unwrap_or(DEFAULT_POINTS_PER_WEIGHT))?;
        let table = Table::new(&points.into_sorted());
        Ok(ConsistentRing { dialect, chars, roster, table })
    }
}
