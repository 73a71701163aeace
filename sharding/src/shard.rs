use std::fmt;

/// The number of a shard, from 0 up to the function's number of shards.
///
/// It means something only together with the function that gave it: a ring of
/// other servers numbers them anew. What stays is the server's name.
///
/// ```
/// use entourage_sharding::ShardId;
///
/// let shard = ShardId::new(3);
/// assert_eq!((shard.index(), shard.number(), shard.to_string()), (3, 3, "3".to_owned()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(u32);

impl ShardId {
    /// The shard of this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The shard of what stands here in a slice of one thing for each shard.
    pub(crate) fn at(index: usize) -> Self {
        Self(u32::try_from(index).expect("there are fewer shards than 2^32, by their memory"))
    }

    /// Its number, as it is written down.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Its number, as it indexes a slice of one thing for each shard.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u32> for ShardId {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl From<ShardId> for u32 {
    fn from(shard: ShardId) -> Self {
        shard.0
    }
}
