//! Why something could not be built.

use crate::Dialect;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be built. Nothing fails once it is built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key must have somewhere to go.
    #[error("there are no shards to shard over; name at least one")]
    NoShards,

    /// A server's name is its identity, so it must have one.
    #[error("server {position} (counted from 0) has an empty name; names are what keys are placed by")]
    UnnamedServer {
        /// Where it stands among the servers as they were given, from 0.
        position: usize,
    },

    /// Two servers have one name: they would be one and the same.
    #[error("server {name:?} is there twice; give it once, with the weights added")]
    DuplicateServer {
        /// The name.
        name: String,
    },

    /// A server of weight 0 gets no keys: it is a mistake, or it is to be left out.
    #[error("server {name:?} has weight 0 and would get no keys; leave it out, or give it a weight")]
    ZeroWeight {
        /// The server's name.
        name: String,
    },

    /// Without points there is no ring.
    #[error("there are 0 points for each unit of weight; the default is 160")]
    ZeroPoints,

    /// Other programs' rings have the points that they have.
    #[error(
        "a ring of the dialect {dialect:?} has its own number of points; leave out the points per weight"
    )]
    FixedPoints {
        /// The dialect.
        dialect: Dialect,
    },

    /// There is no such hash.
    #[error(
        "there is no hash {name:?}; there are one_at_a_time, md5, crc16, crc32, crc32a, fnv1_64, fnv1a_64, fnv1_32, fnv1a_32, hsieh, murmur and jenkins"
    )]
    UnknownHash {
        /// What was asked for.
        name: String,
    },

    /// A hash tag is where it begins and where it ends.
    #[error("the hash tag {text:?} is not two bytes; give the one that opens it and the one that closes it")]
    NotATag {
        /// What was given.
        text: String,
    },

    /// The ring would not fit into a sensible amount of memory.
    #[error(
        "the ring would have {points} points and at most {limit} are allowed; divide all weights by a common factor, or take fewer points for each unit"
    )]
    TooManyPoints {
        /// How many points all weights together ask for.
        points: u128,
        /// [`MAX_POINTS`](crate::MAX_POINTS).
        limit: usize,
    },

    /// A step through a Maglev table must meet every entry.
    #[error("a Maglev table of {size} entries is not of a prime number; 65537 and 655373 are primes")]
    TableNotPrime {
        /// How many entries were asked for.
        size: u32,
    },

    /// The Maglev table would not fit into a sensible amount of memory.
    #[error("a Maglev table of {size} entries is too large; at most {limit} are allowed")]
    TableTooLarge {
        /// How many entries were asked for.
        size: u32,
        /// [`MAX_TABLE_SIZE`](crate::MAX_TABLE_SIZE).
        limit: u32,
    },

    /// There are more servers than there is room for.
    #[error(
        "there are {servers} servers and at most {limit} are possible here; take fewer, or another function"
    )]
    TooManyServers {
        /// How many there are.
        servers: usize,
        /// How many there may be.
        limit: usize,
    },

    /// Ranges would overlap, or one would be empty.
    #[error(
        "border {position} (counted from 0) is not above the one before; give borders in ascending order"
    )]
    UnorderedBorder {
        /// Where it stands among the borders, from 0.
        position: usize,
    },

    /// A map is cut into squares that have a size.
    #[error("the side of a square is not above 0 and finite; give its length in the unit of the map")]
    NoSquare,

    /// A key must be on a shard.
    #[error("a key is to have 0 replicas; its own shard counts as the first")]
    NoReplicas,

    /// A bound at the mean or below it leaves no room.
    #[error(
        "a load factor of {per_cent} per cent leaves no room above the mean; give more than 100, such as 125"
    )]
    LoadFactor {
        /// The factor.
        per_cent: u32,
    },

    /// A shard of weight 0 would never have room.
    #[error("shard {shard} has weight 0 and would never take a request; give it a weight")]
    WeightlessShard {
        /// Its number.
        shard: usize,
    },

    /// Nothing can be counted without a counter.
    #[error("heavy keys are to be found with 0 counters; give about ten times as many as are to be found")]
    NoCounters,
}

impl Error {
    /// Never: the same configuration fails again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }
}
