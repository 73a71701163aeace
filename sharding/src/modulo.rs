//! The remainder: the simplest sharding function, and the least forgiving.

use std::num::NonZeroU32;

use xxhash_rust::xxh3::xxh3_64;

use crate::{Error, Result, ShardId, ShardingFunction};

/// Spreads keys evenly over a number of shards that never changes.
///
/// As a [`ShardingFunction`] it takes the xxh3-64 of the key modulo the number of
/// shards. What is numbered already goes by [`of_number`](Self::of_number), without a
/// hash. With one shard more, all but one in `shards + 1` keys move: where the number
/// of shards changes, take a [`ConsistentRing`](crate::ConsistentRing).
///
/// ```
/// use entourage_sharding::{Modulo, ShardId, ShardingFunction};
///
/// let modulo = Modulo::new(8)?;
/// assert_eq!(modulo.shards(), 8);
/// assert!(modulo.shard(b"any key").number() < 8);
/// assert_eq!(modulo.of_number(17), ShardId::new(1));
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Modulo {
    shards: NonZeroU32,
}

impl Modulo {
    /// Over so many shards.
    ///
    /// # Errors
    /// [`Error::NoShards`] for 0.
    ///
    /// ```
    /// use entourage_sharding::{Error, Modulo};
    ///
    /// assert!(Modulo::new(1).is_ok());
    /// assert_eq!(Modulo::new(0), Err(Error::NoShards));
    /// ```
    pub const fn new(shards: u32) -> Result<Self> {
        match NonZeroU32::new(shards) {
            Some(shards) => Ok(Self { shards }),
            None => Err(Error::NoShards),
        }
    }

    /// The shard of a plain number: `number % shards`, without a hash.
    ///
    /// Consecutive numbers, such as those of pages, go round the shards in turn.
    ///
    /// ```
    /// use entourage_sharding::Modulo;
    ///
    /// let modulo = Modulo::new(3)?;
    /// let pages: Vec<_> = (0..5).map(|page| modulo.of_number(page).number()).collect();
    /// assert_eq!(pages, [0, 1, 2, 0, 1]);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn of_number(&self, number: u64) -> ShardId {
        let shard = number % u64::from(self.shards.get());
        ShardId::new(u32::try_from(shard).expect("a remainder of a u32 is a u32"))
    }
}

impl ShardingFunction for Modulo {
    fn shard(&self, key: &[u8]) -> ShardId {
        self.of_number(xxh3_64(key))
    }

    fn shards(&self) -> u32 {
        self.shards.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_to_its_remainder_also_above_32_bits() {
        let modulo = Modulo::new(7).unwrap();
        for number in [0, 6, 7, 1 << 32, u64::MAX] {
            assert_eq!(u64::from(modulo.of_number(number).number()), number % 7);
        }
    }

    #[test]
    fn one_shard_takes_everything() {
        let modulo = Modulo::new(1).unwrap();
        assert_eq!(modulo.shard(b""), ShardId::new(0));
        assert_eq!(modulo.shard(b"key"), ShardId::new(0));
        assert_eq!(modulo.of_number(u64::MAX), ShardId::new(0));
    }

    #[test]
    fn the_most_shards_are_u32_max() {
        let modulo = Modulo::new(u32::MAX).unwrap();
        assert_eq!(modulo.of_number(u64::from(u32::MAX) - 1).number(), u32::MAX - 1);
    }
}
