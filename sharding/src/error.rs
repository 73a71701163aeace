/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a sharding function could not be built. Nothing fails once it is built.
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
}

impl Error {
    /// Never: the same configuration fails again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }
}
