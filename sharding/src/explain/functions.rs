//! What each function of this crate can say of itself.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use super::Explain;
use crate::{IpHash, Jump, Maglev, Modula, Modulo, NginxHash, Range, Rendezvous, ShardId, ShardingFunction};

/// The number of a shard that has no name.
fn number(shard: ShardId) -> Cow<'static, str> {
    Cow::Owned(shard.to_string())
}

macro_rules! numbered {
    ($($function:ty),*) => {$(
        impl Explain for $function {
            fn key_hash(&self, key: &[u8]) -> Option<u64> {
                Some(xxh3_64(key))
            }

            fn hash_bits(&self) -> u32 {
                u64::BITS
            }

            fn point(&self, _key: &[u8]) -> Option<u64> {
                None
            }

            fn server_name(&self, shard: ShardId) -> Cow<'_, str> {
                number(shard)
            }

            fn ideal_share(&self, _shard: ShardId) -> Option<f64> {
                Some(1.0 / f64::from(self.shards()))
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

numbered!(Jump, Modulo);

macro_rules! in_turn {
    ($($function:ty),*) => {$(
        /// What the hash meets is its number in the round of all weights.
        impl Explain for $function {
            fn key_hash(&self, key: &[u8]) -> Option<u64> {
                Some(self.hash(key).into())
            }

            fn hash_bits(&self) -> u32 {
                u32::BITS - self.largest_hash().leading_zeros()
            }

            fn point(&self, key: &[u8]) -> Option<u64> {
                Some(self.turns().number(self.hash(key)))
            }

            fn server_name(&self, shard: ShardId) -> Cow<'_, str> {
                self.roster().label(shard)
            }

            fn ideal_share(&self, shard: ShardId) -> Option<f64> {
                Some(self.roster().part(shard))
            }

            fn starved_shards(&self) -> Vec<ShardId> {
                self.turns().beyond(self.largest_hash())
            }

            fn is_ordered(&self) -> bool {
                false
            }
        }
    )*};
}

in_turn!(Modula, NginxHash, IpHash);

impl Explain for Rendezvous {
    fn key_hash(&self, key: &[u8]) -> Option<u64> {
        Some(xxh3_64(key))
    }

    fn hash_bits(&self) -> u32 {
        u64::BITS
    }

    fn point(&self, _key: &[u8]) -> Option<u64> {
        None
    }

    fn server_name(&self, shard: ShardId) -> Cow<'_, str> {
        self.roster().label(shard)
    }

    fn ideal_share(&self, shard: ShardId) -> Option<f64> {
        Some(self.roster().part(shard))
    }

    fn starved_shards(&self) -> Vec<ShardId> {
        Vec::new()
    }

    fn is_ordered(&self) -> bool {
        false
    }
}

impl Explain for Maglev {
    fn key_hash(&self, key: &[u8]) -> Option<u64> {
        Some(xxh3_64(key))
    }

    fn hash_bits(&self) -> u32 {
        u64::BITS
    }

    fn point(&self, key: &[u8]) -> Option<u64> {
        Some(self.entry(key) as u64)
    }

    fn server_name(&self, shard: ShardId) -> Cow<'_, str> {
        self.roster().label(shard)
    }

    fn ideal_share(&self, shard: ShardId) -> Option<f64> {
        Some(self.roster().part(shard))
    }

    fn starved_shards(&self) -> Vec<ShardId> {
        let mut starved = vec![true; self.servers().len()];
        self.walk(b"").for_each(|shard| starved[shard.index()] = false);
        let shards = (0..).map(ShardId::new).zip(starved);
        shards.filter_map(|(shard, starved)| starved.then_some(shard)).collect()
    }

    fn is_ordered(&self) -> bool {
        false
    }
}

impl Explain for Range {
    fn key_hash(&self, _key: &[u8]) -> Option<u64> {
        None
    }

    fn hash_bits(&self) -> u32 {
        0
    }

    fn point(&self, _key: &[u8]) -> Option<u64> {
        None
    }

    fn server_name(&self, shard: ShardId) -> Cow<'_, str> {
        self.name(shard).map_or_else(|| number(shard), Cow::Borrowed)
    }

    fn ideal_share(&self, _shard: ShardId) -> Option<f64> {
        None
    }

    fn starved_shards(&self) -> Vec<ShardId> {
        Vec::new()
    }

    fn is_ordered(&self) -> bool {
        true
    }
}
