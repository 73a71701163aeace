//! Who is up, as far as anybody has heard.

use entourage_core::planted;

use crate::ShardId;

/// Which shards are up: what probes and errors have told, and nothing else.
///
/// All are up at first. Each change makes a new generation. What was seen before a shard's
/// latest change is out of date, and [`observe`](Self::observe) ignores it: a probe that was
/// sent before a shard was marked down does not bring it back when its answer comes late.
///
/// ```
/// use entourage_sharding::{Health, ShardId};
///
/// let mut health = Health::new(3);
/// let one = ShardId::new(1);
/// let probed = health.generation();
/// assert!(health.mark_down(one));
/// assert!(!health.observe(one, true, probed));
/// assert!(!health.is_up(one));
///
/// let probed = health.generation();
/// assert!(health.observe(one, true, probed));
/// assert!(health.is_up(one));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    shards: Vec<Standing>,
    generation: u64,
    down: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    is_up: bool,
    since: u64,
}

impl Health {
    /// Of so many shards, all of them up.
    #[must_use]
    pub fn new(shards: u32) -> Self {
        Self { shards: vec![Standing { is_up: true, since: 0 }; shards as usize], generation: 0, down: 0 }
    }

    /// Whether this shard is up; one that there is not is down.
    #[must_use]
    pub fn is_up(&self, shard: ShardId) -> bool {
        self.shards.get(shard.index()).is_some_and(|standing| standing.is_up)
    }

    /// Says that this shard is down; whether that is news.
    pub fn mark_down(&mut self, shard: ShardId) -> bool {
        self.mark(shard, false)
    }

    /// Says that this shard is up; whether that is news.
    pub fn mark_up(&mut self, shard: ShardId) -> bool {
        self.mark(shard, true)
    }

    /// Takes what was seen of a shard as of a generation; whether that is news.
    ///
    /// Nothing changes if the shard has changed since that generation: look again.
    pub fn observe(&mut self, shard: ShardId, is_up: bool, as_of: u64) -> bool {
        let is_late = self.since(shard).is_none_or(|since| as_of < since);
        (!is_late || planted("health-believes-late-probes")) && self.mark(shard, is_up)
    }

    /// The number of changes so far.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The generation that a shard's latest change made; `None` of one that there is not.
    #[must_use]
    pub fn since(&self, shard: ShardId) -> Option<u64> {
        self.shards.get(shard.index()).map(|standing| standing.since)
    }

    /// How many shards are down.
    #[must_use]
    pub const fn down(&self) -> u32 {
        self.down
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> u32 {
        u32::try_from(self.shards.len()).expect("`new` takes a u32")
    }

    fn mark(&mut self, shard: ShardId, is_up: bool) -> bool {
        let Some(standing) = self.shards.get_mut(shard.index()) else { return false };
        if standing.is_up == is_up {
            return false;
        }
        self.generation += 1;
        *standing = Standing { is_up, since: self.generation };
        if is_up {
            self.down -= 1;
        } else {
            self.down += 1;
        }
        true
    }
}
