//! What a ring can say of itself.

use std::borrow::Cow;

use super::ConsistentRing;
use crate::{Explain, ShardId};

impl Explain for ConsistentRing {
    /// As the dialect writes it: of 32 bits, except our own.
    fn key_hash(&self, key: &[u8]) -> Option<u64> {
        Some(self.hash(key) >> self.dialect.spare_bits())
    }

    fn hash_bits(&self) -> u32 {
        u64::BITS - self.dialect.spare_bits()
    }

    fn point(&self, key: &[u8]) -> Option<u64> {
        let hashes = self.table.hashes();
        let point = hashes.get(self.table.find(self.hash(key))).or_else(|| hashes.first())?;
        Some(point >> self.dialect.spare_bits())
    }

    fn server_name(&self, shard: ShardId) -> Cow<'_, str> {
        self.roster().label(shard)
    }

    fn ideal_share(&self, shard: ShardId) -> Option<f64> {
        Some(self.roster().part(shard))
    }

    fn starved_shards(&self) -> Vec<ShardId> {
        let shares = (0..).map(ShardId::new).zip(self.shares());
        shares.filter_map(|(shard, share)| (share == 0.0).then_some(shard)).collect()
    }

    fn is_ordered(&self) -> bool {
        false
    }
}
