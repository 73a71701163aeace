use std::{fmt::Debug, sync::Arc};

use crate::ShardId;

/// Says which shard a key belongs to, by the key alone.
///
/// # Contract
/// * Pure: one value gives one key the same shard for ever, in every thread. No
///   clock, no randomness, no state that changes.
/// * Portable: a value built in the same way gives the same shards on every build,
///   platform and release; so nothing of `std::hash`, no pointer width, no byte order.
/// * Total: every key, also the empty one, has a shard with a number below
///   [`shards`](Self::shards), which is at least 1 and never changes.
///
/// ```
/// use entourage_sharding::{Modulo, ShardingFunction};
///
/// fn spread(function: &dyn ShardingFunction, keys: &[&str]) -> Vec<u32> {
///     keys.iter().map(|key| function.shard(key.as_bytes()).number()).collect()
/// }
///
/// let function = Modulo::new(4)?;
/// assert_eq!(spread(&function, &["ann", "bob", "ann"])[0], spread(&function, &["ann"])[0]);
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
pub trait ShardingFunction: Debug + Send + Sync {
    /// The shard of this key.
    fn shard(&self, key: &[u8]) -> ShardId;

    /// How many shards there are: at least 1.
    fn shards(&self) -> u32;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[deny(clippy::missing_trait_methods)]
        impl<T: ShardingFunction + ?Sized> ShardingFunction for $pointer {
            fn shard(&self, key: &[u8]) -> ShardId {
                (**self).shard(key)
            }

            fn shards(&self) -> u32 {
                (**self).shards()
            }
        }
    )*};
}

forward!(&T, Box<T>, Arc<T>);
