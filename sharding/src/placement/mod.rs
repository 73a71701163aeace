//! Where a key's replicas are, and who of them serves it now.

mod bounded;
mod choice;
mod health;
mod preference;
mod shuffle;

pub use self::{
    bounded::BoundedLoad,
    choice::Choice,
    health::Health,
    preference::{Preference, PreferenceExt, Preferred},
};
use entourage_core::planted;

use crate::{Error, Result, ShardId};

/// The replicas of a key: the first shards in its order of preference.
///
/// Who is alive is the caller's to find out, and kept in a [`Health`]; nothing here waits or
/// asks. A shard that fails changes the answers for its own keys alone, and when it is back they
/// are what they were: the function is never built anew.
///
/// ```
/// use entourage_sharding::{Health, Placement, Rendezvous, ShardingFunction};
///
/// let placement = Placement::new(Rendezvous::of(["a", "b", "c", "d"])?, 2)?;
/// let replicas: Vec<_> = placement.replicas(b"user:7").collect();
/// assert_eq!(replicas.len(), 2);
///
/// let mut health = Health::new(4);
/// health.mark_down(replicas[0]);
/// assert!(placement.healthy(b"user:7", &health).eq([replicas[1]]));
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement<F> {
    function: F,
    replicas: usize,
    spills: bool,
}

impl<F: Preference> Placement<F> {
    /// Each key on so many shards; on all of them, where there are fewer.
    ///
    /// # Errors
    /// [`Error::NoReplicas`] for 0.
    pub fn new(function: F, replicas: usize) -> Result<Self> {
        if replicas == 0 {
            return Err(Error::NoReplicas);
        }
        Ok(Self { function, replicas, spills: false })
    }

    /// Lets the next in the order of preference stand in for a replica that is down.
    ///
    /// For what any shard can serve, such as a cache, which begins empty there. Without it, a
    /// key whose replicas are all down has nobody.
    ///
    /// ```
    /// use entourage_sharding::{ConsistentRing, Health, Placement, ShardingFunction};
    ///
    /// let ring = ConsistentRing::of(["a", "b", "c"])?;
    /// let mut health = Health::new(3);
    /// health.mark_down(ring.shard(b"user:7"));
    ///
    /// let stays = Placement::new(&ring, 1)?;
    /// assert_eq!(stays.healthy(b"user:7", &health).next(), None);
    /// let spills = Placement::new(&ring, 1)?.with_spill_over();
    /// assert_eq!(spills.healthy(b"user:7", &health).next(), Some(ring.replicas(b"user:7", 2)[1]));
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    #[must_use]
    pub fn with_spill_over(mut self) -> Self {
        self.spills = true;
        self
    }

    /// The function that places the keys.
    pub const fn function(&self) -> &F {
        &self.function
    }

    /// The replicas of a key, the best first, whether they are up or not.
    pub fn replicas<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = ShardId> {
        self.function.preference(key).take(self.replicas)
    }

    /// Those that serve a key now, the best first.
    ///
    /// Its replicas that are up, without whom is down; or with the spill-over as many shards
    /// that are up as there are to be replicas, the best ones.
    pub fn healthy<'a>(&'a self, key: &'a [u8], health: &'a Health) -> impl Iterator<Item = ShardId> {
        let among = if self.spills { usize::MAX } else { self.replicas };
        // A failure that moves everybody: the function is built anew without the shard.
        let skipped = if planted("placement-moves-everybody") { health.down() as usize } else { 0 };
        let preference = self.function.preference(key).skip(skipped).take(among);
        preference.filter(|shard| health.is_up(*shard)).take(self.replicas)
    }
}
