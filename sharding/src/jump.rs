//! Jump consistent hashing: numbered shards, no memory at all.

use std::num::NonZeroU32;

use entourage_core::planted;
use xxhash_rust::xxh3::xxh3_64;

use crate::{Error, Result, ShardId, ShardingFunction};

/// Spreads keys evenly over numbered shards that only grow at the end.
///
/// With one shard more, one key in `shards + 1` moves, and each of them onto the new one.
/// Only the last shard can go away; where one in the middle may, take
/// [`Rendezvous`](crate::Rendezvous) or a [`ConsistentRing`](crate::ConsistentRing). The key
/// is hashed by xxh3-64. What jumps is the published algorithm: multiplications and divisions
/// of 64-bit floats, which IEEE 754 defines to the last bit.
///
/// Source: Lamping and Veach, *A Fast, Minimal Memory, Consistent Hash Algorithm* (2014).
///
/// ```
/// use entourage_sharding::{Jump, ShardingFunction};
///
/// let (ten, eleven) = (Jump::new(10)?, Jump::new(11)?);
/// for number in 0..1_000 {
///     let key = format!("user:{number}");
///     let (before, after) = (ten.shard(key.as_bytes()), eleven.shard(key.as_bytes()));
///     assert!(after == before || after.number() == 10);
/// }
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Jump {
    shards: NonZeroU32,
}

impl Jump {
    /// Over so many shards.
    ///
    /// # Errors
    /// [`Error::NoShards`] for 0.
    ///
    /// ```
    /// use entourage_sharding::{Error, Jump};
    ///
    /// assert!(Jump::new(1).is_ok());
    /// assert_eq!(Jump::new(0), Err(Error::NoShards));
    /// ```
    pub const fn new(shards: u32) -> Result<Self> {
        match NonZeroU32::new(shards) {
            Some(shards) => Ok(Self { shards }),
            None => Err(Error::NoShards),
        }
    }

    /// The shard of what is a uniform 64-bit hash already, as other implementations take it.
    ///
    /// Unlike a remainder it is no good for plain numbers: they must be spread over all 64 bits.
    ///
    /// ```
    /// use entourage_sharding::{Jump, ShardId};
    ///
    /// assert_eq!(Jump::new(1_024)?.of_hash(256), ShardId::new(520));
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn of_hash(&self, mut hash: u64) -> ShardId {
        if planted("jump-takes-the-remainder") {
            return ShardId::new((hash % u64::from(self.shards.get())) as u32);
        }
        let shards = i64::from(self.shards.get());
        let (mut shard, mut next) = (0, 0);
        while next < shards {
            shard = next;
            hash = hash.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
            let part = f64::from(1_u32 << 31) / ((hash >> 33) + 1) as f64;
            next = ((shard + 1) as f64 * part) as i64;
        }
        ShardId::new(u32::try_from(shard).expect("below the number of shards, a u32"))
    }
}

impl ShardingFunction for Jump {
    fn shard(&self, key: &[u8]) -> ShardId {
        self.of_hash(xxh3_64(key))
    }

    fn shards(&self) -> u32 {
        self.shards.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_jump_where_other_implementations_say() {
        // (hash, shards, shard): computed by the C++ program that is printed in the paper.
        for (hash, shards, shard) in
            [(1, 1, 0), (42, 57, 43), (0xDEAD_10CC, 1, 0), (0xDEAD_10CC, 666, 361), (256, 1_024, 520)]
        {
            assert_eq!(Jump::new(shards).unwrap().of_hash(hash), ShardId::new(shard), "{hash} over {shards}");
        }
    }

    #[test]
    fn the_most_shards_are_u32_max() {
        let jump = Jump::new(u32::MAX).unwrap();
        for hash in [0, 1, u64::MAX, u64::MAX / 3] {
            assert!(jump.of_hash(hash).number() < u32::MAX);
        }
    }
}
