//! Why there is no reply, no router, or no frame.

use std::sync::Arc;

use entourage_scatter_gather::Coverage;

/// Why a command has no reply: the service of one shard, or of several, has failed.
///
/// A refusal is none of these: whoever refuses, a server or the router, it is a
/// [`Reply`](super::Reply) that [is an error](super::Reply::is_error).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E> {
    /// The shard of the command has failed: **it may have been done or not**, as `E` says.
    #[error(transparent)]
    Shard(ShardFailed<E>),
    /// Some shards of a command of many keys have failed: what the others have done stays done.
    #[error("{coverage} shards have answered, and the reply takes them all")]
    Parts {
        /// How many of the shards that were asked have answered.
        coverage: Coverage,
        /// The failure of the first of those that have not, in the order of the keys.
        #[source]
        first: ShardFailed<E>,
        /// Those of the rest, in the order in which they failed.
        rest: Vec<ShardFailed<E>>,
    },
}

/// What a shard's service has failed with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shard {shard} did not answer, and what it was asked may have been done")]
pub struct ShardFailed<E> {
    pub(super) shard: Arc<str>,
    #[source]
    pub(super) source: E,
}

impl<E> ShardFailed<E> {
    /// The shard's name.
    #[must_use]
    pub fn shard(&self) -> &str {
        &self.shard
    }

    /// What its service said.
    pub const fn reason(&self) -> &E {
        &self.source
    }

    /// The same, to keep.
    pub fn into_reason(self) -> E {
        self.source
    }
}

/// Why no router can be made of these shards.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unroutable {
    /// Only Redis' commands are routed here.
    #[error("pool {pool:?} speaks the protocol of memcached; say `redis: true` if its servers are Redis")]
    Memcached {
        /// The pool's name.
        pool: String,
    },
    /// Replies name shards.
    #[error("the shard {name:?} has a name that cannot be printed; give it another")]
    Unprintable {
        /// The name.
        name: String,
    },
    /// Keys cannot be placed on them.
    #[error("the shards make no ring")]
    Ring(#[from] entourage_sharding::Error),
}

/// Why bytes are not one command, or one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFrame {
    /// More bytes are needed.
    #[error("the frame is not whole; read on until it is")]
    Unfinished,
    /// There is more than one.
    #[error("the frame is followed by more; hand in one at a time")]
    More,
    /// No bytes behind these would make it one.
    #[error("the frame is not of RESP2; switch the connection to that protocol")]
    Malformed,
    /// An array of nothing is no command.
    #[error("the frame is a command without a name; give it one")]
    Empty,
}
