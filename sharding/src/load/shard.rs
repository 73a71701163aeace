//! Counts by shard.

use std::cmp::Reverse;

use crate::ShardId;

/// Counts what each shard is asked, and says how uneven it is.
///
/// ```
/// use entourage_sharding::{ShardId, ShardLoad};
///
/// let mut load = ShardLoad::new(3);
/// assert_eq!(load.max_over_mean(), None);
/// load.add(ShardId::new(0), 4);
/// load.add(ShardId::new(2), 2);
/// assert_eq!(load.max_over_mean(), Some(2.0));
/// assert_eq!(load.busiest(), Some(ShardId::new(0)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardLoad {
    counts: Vec<u64>,
}

impl ShardLoad {
    /// Of so many shards, nothing yet.
    #[must_use]
    pub fn new(shards: u32) -> Self {
        Self { counts: vec![0; shards as usize] }
    }

    /// Counts so much for a shard: requests, bytes, what the caller will; whether there is such a shard.
    pub fn add(&mut self, shard: ShardId, count: u64) -> bool {
        let Some(counted) = self.counts.get_mut(shard.index()) else { return false };
        *counted = counted.saturating_add(count);
        true
    }

    /// What was counted for each shard, by number.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// What was counted altogether.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.counts.iter().map(|count| u128::from(*count)).sum()
    }

    /// The busiest shard, of equals the first; `None` before anything is counted.
    #[must_use]
    pub fn busiest(&self) -> Option<ShardId> {
        let counted = (0..).map(ShardId::new).zip(&self.counts).filter(|(_, count)| **count > 0);
        counted.max_by_key(|(shard, count)| (**count, Reverse(*shard))).map(|(shard, _)| shard)
    }

    /// The busiest shard's count over the mean of all; 1 is even, `None` is nothing counted.
    #[must_use]
    pub fn max_over_mean(&self) -> Option<f64> {
        let most = self.counts.iter().max().copied().unwrap_or_default();
        (most > 0).then(|| most as f64 * self.counts.len() as f64 / self.total() as f64)
    }

    /// Begins anew, for another interval.
    pub fn clear(&mut self) {
        self.counts.fill(0);
    }
}
