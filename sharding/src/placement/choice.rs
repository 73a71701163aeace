//! Which of several replicas a request goes to.

use super::Health;
use crate::ShardId;

/// How one of a key's replicas is chosen for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Choice {
    /// The most preferred that is up: one replica serves a key, and its cache stays warm.
    FirstHealthy,

    /// Of two that are up, drawn evenly, the one that does less; together, the more preferred.
    ///
    /// A hot key's load is shared among its replicas, and no herd runs to the least loaded.
    /// Source: Mitzenmacher, *The Power of Two Choices in Randomized Load Balancing* (2001).
    LeastLoadedOfTwo,
}

impl Choice {
    /// One of these replicas, the best of which comes first; `None` if none is up.
    ///
    /// `load` says what a shard has to do now, such as its requests in flight. `draw` is a random
    /// number, or any that differs from request to request in all its bits; the same numbers
    /// make the same choice.
    ///
    /// ```
    /// use entourage_sharding::{Choice, Health, ShardId};
    ///
    /// let replicas = [ShardId::new(2), ShardId::new(0)];
    /// let mut health = Health::new(3);
    /// let loads = [1_u64, 0, 5];
    /// let chosen = |health: &Health, choice: Choice| {
    ///     choice.of(&replicas, health, |shard| loads[shard.index()], 0x9e37_79b9_7f4a_7c15)
    /// };
    /// assert_eq!(chosen(&health, Choice::FirstHealthy), Some(ShardId::new(2)));
    /// assert_eq!(chosen(&health, Choice::LeastLoadedOfTwo), Some(ShardId::new(0)));
    /// health.mark_down(ShardId::new(0));
    /// assert_eq!(chosen(&health, Choice::LeastLoadedOfTwo), Some(ShardId::new(2)));
    /// ```
    #[must_use]
    pub fn of(
        self,
        replicas: &[ShardId],
        health: &Health,
        load: impl Fn(ShardId) -> u64,
        draw: u64,
    ) -> Option<ShardId> {
        let mut up = replicas.iter().copied().filter(|shard| health.is_up(*shard));
        match self {
            Self::FirstHealthy => up.next(),
            Self::LeastLoadedOfTwo => {
                let count = up.clone().count() as u64;
                if count < 2 {
                    return up.next();
                }
                // Each half of the number draws one; the second from those that are left.
                let one = ((draw >> 32) * count) >> 32;
                let other = ((draw & 0xffff_ffff) * (count - 1)) >> 32;
                let other = if other < one { other } else { other + 1 };
                let (better, worse) = (one.min(other) as usize, one.max(other) as usize);
                let better = up.clone().nth(better)?;
                let worse = up.nth(worse)?;
                Some(if load(worse) < load(better) { worse } else { better })
            }
        }
    }
}
