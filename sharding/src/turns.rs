//! Servers that take the numbers of a round in turn, each as many as its weight.

use std::borrow::Cow;

use crate::{Explain, IpHash, Modula, NginxHash, Result, Server, ShardId, roster, server};

/// What a hash modulo the sum of the weights falls on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turns {
    servers: Vec<Server>,
    /// Where each server's numbers end; increasing, the last is the sum of the weights.
    ends: Vec<u64>,
}

impl Turns {
    /// In the order of the servers, which become the shards.
    pub(crate) fn new(servers: Vec<Server>) -> Result<Self> {
        server::check(&servers)?;
        let weights = servers.iter().map(|server| u64::from(server.weight()));
        let ends = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Ok(Self { ends: ends.collect(), servers })
    }

    /// Of servers of these names and weights.
    pub(crate) fn named<N: Into<String>>(servers: impl IntoIterator<Item = (N, u32)>) -> Result<Self> {
        Self::new(servers.into_iter().map(|(name, weight)| Server::new(name, weight)).collect())
    }

    pub(crate) fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The shard whose turn `hash` is.
    pub(crate) fn of(&self, hash: u32) -> ShardId {
        let number = self.number(hash);
        shard_id(self.ends.partition_point(|end| *end <= number))
    }

    /// The hash's number in the round.
    fn number(&self, hash: u32) -> u64 {
        let round = self.ends.last().copied().expect("there is at least one server");
        u64::from(hash) % round
    }

    pub(crate) fn shards(&self) -> u32 {
        shard_id(self.servers.len()).number()
    }

    /// What is asked in turn: the first of each server, until all are there or too many of those
    /// met were there already.
    pub(crate) fn tries(&self, hashes: impl Iterator<Item = u32>, most_in_vain: u32) -> Vec<ShardId> {
        let mut tries = Vec::new();
        let mut in_vain = 0;
        for hash in hashes {
            let shard = self.of(hash);
            if !tries.contains(&shard) {
                tries.push(shard);
            } else if in_vain < most_in_vain {
                in_vain += 1;
            } else {
                break;
            }
            if tries.len() == self.servers.len() {
                break;
            }
        }
        tries
    }
}

fn shard_id(index: usize) -> ShardId {
    ShardId::new(u32::try_from(index).expect("there are fewer servers than 2^32, by their memory"))
}

macro_rules! explain {
    ($($function:ty => $bits:expr),*) => {$(
        /// What the hash meets is its number in the round of all weights.
        impl Explain for $function {
            fn key_hash(&self, key: &[u8]) -> Option<u64> {
                Some(self.hash(key).into())
            }

            fn hash_bits(&self) -> u32 {
                let bits: fn(&Self) -> u32 = $bits;
                bits(self)
            }

            fn point(&self, key: &[u8]) -> Option<u64> {
                Some(self.turns().number(self.hash(key)))
            }

            fn server_name(&self, shard: ShardId) -> Cow<'_, str> {
                let name = self.servers().get(shard.index()).map(Server::name);
                name.map_or_else(|| Cow::Owned(shard.to_string()), Cow::Borrowed)
            }

            fn ideal_share(&self, shard: ShardId) -> Option<f64> {
                Some(roster::part(self.servers(), shard))
            }

            fn starved_shards(&self) -> Vec<ShardId> {
                Vec::new()
            }

            fn is_ordered(&self) -> bool {
                false
            }
        }
    )*};
}

// Those of `ip_hash` are below 6,271.
explain!(Modula => Self::bits, NginxHash => |_| 15, IpHash => |_| 13);
