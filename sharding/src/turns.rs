//! Servers that take the numbers of a round in turn, each as many as its weight.

use crate::{ShardId, roster::Roster};

/// What a hash modulo the sum of the weights falls on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turns {
    /// Where each server's numbers end; increasing, the last is the sum of the weights.
    ends: Vec<u64>,
}

impl Turns {
    /// In the order of the servers.
    pub(crate) fn of(roster: &Roster) -> Self {
        let weights = roster.servers().iter().map(|server| u64::from(server.weight()));
        let ends = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { ends: ends.collect() }
    }

    /// The shard whose turn `hash` is.
    pub(crate) fn shard(&self, hash: u32) -> ShardId {
        let number = self.number(hash);
        ShardId::at(self.ends.partition_point(|end| *end <= number))
    }

    /// The hash's number in the round.
    pub(crate) fn number(&self, hash: u32) -> u64 {
        let round = self.ends.last().copied().expect("there is at least one server");
        u64::from(hash) % round
    }

    /// The shards whose numbers are all above the largest hash that there is.
    pub(crate) fn beyond(&self, largest: u32) -> Vec<ShardId> {
        // Each begins where the one before it ends.
        let reached = 1 + self.ends.partition_point(|end| *end <= largest.into());
        (reached..self.ends.len()).map(ShardId::at).collect()
    }

    /// What is asked in turn: the first of each server, until all are there or too many of those
    /// met were there already.
    pub(crate) fn tries(&self, hashes: impl Iterator<Item = u32>, most_in_vain: u32) -> Vec<ShardId> {
        let mut tries = Vec::new();
        let mut in_vain = 0;
        for hash in hashes {
            let shard = self.shard(hash);
            if !tries.contains(&shard) {
                tries.push(shard);
            } else if in_vain < most_in_vain {
                in_vain += 1;
            } else {
                break;
            }
            if tries.len() == self.ends.len() {
                break;
            }
        }
        tries
    }
}
