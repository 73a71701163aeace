//! How much each shard has to do, and which keys make it.

mod heap;
mod heavy;
mod shard;

pub use self::{
    heavy::{HeavyKey, HeavyKeys, LONGEST_KEY},
    shard::ShardLoad,
};
