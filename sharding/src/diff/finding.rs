//! What somebody should look at before a function goes into production.

use std::fmt;

/// What a survey of keys found that somebody should look at; plain data, to be printed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// A server gets no key: its weight is too small, or the hash never reaches it.
    Starved {
        /// Its name.
        server: String,
    },

    /// A server gets more than one and a half times what its weight deserves.
    Skewed {
        /// Its name.
        server: String,
        /// The part of the keys that it got, from 0 to 1.
        share: f64,
        /// The part that it ought to get.
        ideal: f64,
    },

    /// Some bits of the hash are the same for all keys, so parts of a ring are never met.
    Degenerate {
        /// How many bits differ from key to key.
        bits: u32,
        /// How many ought to.
        of: u32,
    },

    /// Keys are placed by their order and arrive in it: new ones only ever land on the last shard.
    GrowsAtTheEnd {
        /// The name of the server that gets them all.
        server: String,
    },
}

impl Finding {
    /// One word for it, as a field of a log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Starved { .. } => "starved",
            Self::Skewed { .. } => "skewed",
            Self::Degenerate { .. } => "degenerate",
            Self::GrowsAtTheEnd { .. } => "grows_at_the_end",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starved { server } => {
                write!(
                    f,
                    "server {server:?} gets no keys; bring the weights closer together, or leave it out"
                )
            }
            Self::Skewed { server, share, ideal } => write!(
                f,
                "server {server:?} gets {:.1} % of the keys and its weight deserves {:.1} %; \
                 take another hash, or more points",
                100.0 * share,
                100.0 * ideal
            ),
            Self::Degenerate { bits, of } => {
                write!(f, "only {bits} of {of} bits of the hash differ from key to key; take another hash")
            }
            Self::GrowsAtTheEnd { server } => write!(
                f,
                "new keys only ever land on the last shard, server {server:?}; \
                 shard by a hash, or put what does not grow first in the key"
            ),
        }
    }
}
