//! An order of numbered shards that a key draws, without memory.

use xxhash_rust::xxh3::xxh3_64;

use crate::{ShardId, maglev::is_prime};

/// All shards but one, each once: steps of one length round a prime number of places.
///
/// The prime is the first that is not below the number of shards. Where the walk begins and how
/// long its steps are is drawn from the xxh3-64 of the 8 little-endian bytes of the key's hash,
/// as a server of a [`Maglev`](crate::Maglev) draws them from that of its name. Places that are
/// no shard are passed over.
pub(super) struct Shuffle {
    shards: u64,
    own: u64,
    prime: u64,
    at: u64,
    step: u64,
    left: u64,
}

impl Shuffle {
    pub(super) fn without(own: ShardId, shards: u32, hash: u64) -> Self {
        let shards = u64::from(shards);
        let prime = (shards.max(2)..).find(|number| is_prime(*number)).expect("there is always a next prime");
        let hash = xxh3_64(&hash.to_le_bytes());
        let draw = |half: u64, places: u64| ((u128::from(half) * u128::from(places)) >> 32) as u64;
        let (at, step) = (draw(hash >> 32, prime), 1 + draw(hash & 0xffff_ffff, prime - 1));
        Self { shards, own: own.number().into(), prime, at, step, left: prime }
    }
}

impl Iterator for Shuffle {
    type Item = ShardId;

    fn next(&mut self) -> Option<ShardId> {
        while self.left > 0 {
            self.left -= 1;
            let at = self.at;
            self.at = (at + self.step) % self.prime;
            if at < self.shards && at != self.own {
                return Some(ShardId::new(u32::try_from(at).expect("below the number of shards, a u32")));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_shard_comes_once() {
        for shards in 1..40_u32 {
            for hash in 0..50 {
                let own = ShardId::new(hash % shards);
                let mut all: Vec<_> = Shuffle::without(own, shards, hash.into()).collect();
                all.push(own);
                all.sort_unstable();
                assert!(all.into_iter().eq((0..shards).map(ShardId::new)), "{shards} shards, hash {hash}");
            }
        }
    }

    #[test]
    fn the_most_shards_are_walked_without_being_remembered() {
        let own = ShardId::new(u32::MAX - 1);
        let first: Vec<_> = Shuffle::without(own, u32::MAX, u64::MAX).take(3).collect();
        assert_eq!(first.len(), 3);
        assert!(!first.contains(&own));
    }

    #[test]
    fn a_failed_shards_keys_spread_over_all_others() {
        for shards in [4, 6, 12] {
            let mut next = vec![0_u32; shards as usize];
            let keys = 6_000;
            for hash in 0..keys {
                let first = Shuffle::without(ShardId::new(1), shards, hash).next().unwrap();
                next[first.index()] += 1;
            }
            let mean = keys as f64 / f64::from(shards - 1);
            assert_eq!(next[1], 0);
            for (shard, keys) in next.into_iter().enumerate().filter(|(shard, _)| *shard != 1) {
                let part = f64::from(keys) / mean;
                assert!((0.8..1.2).contains(&part), "{shards} shards: {part:.2} of the mean on {shard}");
            }
        }
    }
}
