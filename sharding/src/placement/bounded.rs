//! No shard has much more to do than the mean.

use entourage_core::planted;

use super::Health;
use crate::{Error, Result, ShardId};

/// Requests in flight for each shard, none of which takes more than its part and some.
///
/// With `T` requests in flight, the one to come among them, a shard of weight `w` takes at most
/// `ceil(c × T × w / W)`, where `W` is the weight of all shards that are up and `c` the factor. A
/// request whose shard is full goes to the next in its key's order of preference, and so a hot
/// key spreads over as many shards as it needs. Since `c` is above 1, one of those that are up
/// always has room. A small `c` is even and moves more keys; 1.25 to 2 is usual.
///
/// Source: Mirrokni, Thorup and Zadimoghaddam, *Consistent Hashing with Bounded Loads* (2016).
///
/// ```
/// use entourage_sharding::{BoundedLoad, ConsistentRing, Health, PreferenceExt};
///
/// let ring = ConsistentRing::of(["a", "b", "c", "d"])?;
/// let (mut load, health) = (BoundedLoad::new(4, 125)?, Health::new(4));
/// for _ in 0..100 {
///     load.acquire(ring.preference(b"the one hot key"), &health).expect("one is up");
/// }
/// // 125 % of a quarter of 100 requests.
/// assert_eq!(load.busiest(), 32);
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundedLoad {
    per_cent: u32,
    weights: Vec<u32>,
    in_flight: Vec<u64>,
    total: u64,
    /// The weight of all that are up, as of a generation of their health.
    up: Option<(u64, u128)>,
}

impl BoundedLoad {
    /// For so many shards of equal weight; a factor of 1.25 is 125 per cent.
    ///
    /// # Errors
    /// [`Error::NoShards`]; [`Error::LoadFactor`] for a factor of 100 per cent or less.
    pub fn new(shards: u32, per_cent: u32) -> Result<Self> {
        Self::weighted(vec![1; shards as usize], per_cent)
    }

    /// For shards of these weights, in the order of their numbers.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::WeightlessShard`] for a weight of 0.
    pub fn weighted(weights: impl Into<Vec<u32>>, per_cent: u32) -> Result<Self> {
        let weights = weights.into();
        if weights.is_empty() {
            return Err(Error::NoShards);
        }
        if let Some(shard) = weights.iter().position(|weight| *weight == 0) {
            return Err(Error::WeightlessShard { shard });
        }
        if per_cent <= 100 {
            return Err(Error::LoadFactor { per_cent });
        }
        let in_flight = vec![0; weights.len()];
        Ok(Self { per_cent, weights, in_flight, total: 0, up: None })
    }

    /// Takes a place on the first of these shards that is up and has room.
    ///
    /// `None` if none is up, or none of these has room: with the whole order of preference there
    /// is room wherever a shard is up. Each place is to be given back by
    /// [`release`](Self::release). The health must be the same one each time.
    #[must_use = "the place is taken until it is released"]
    pub fn acquire(&mut self, order: impl IntoIterator<Item = ShardId>, health: &Health) -> Option<ShardId> {
        let all = self.weight_of_all_up(health);
        let asked = u128::from(self.total) + 1;
        let shard = order.into_iter().find(|shard| {
            let Some(weight) = self.weights.get(shard.index()) else { return false };
            let most = (u128::from(self.per_cent) * asked * u128::from(*weight)).div_ceil(100 * all.max(1));
            let has_room =
                u128::from(self.in_flight[shard.index()]) < most || planted("placement-without-bound");
            health.is_up(*shard) && has_room
        })?;
        self.in_flight[shard.index()] += 1;
        self.total += 1;
        Some(shard)
    }

    /// Gives a place back; whether one was taken.
    pub fn release(&mut self, shard: ShardId) -> bool {
        let Some(in_flight) = self.in_flight.get_mut(shard.index()).filter(|taken| **taken > 0) else {
            return false;
        };
        *in_flight -= 1;
        self.total -= 1;
        true
    }

    /// How many places of a shard are taken.
    #[must_use]
    pub fn in_flight(&self, shard: ShardId) -> u64 {
        self.in_flight.get(shard.index()).copied().unwrap_or_default()
    }

    /// How many places are taken altogether.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many places are taken of the shard that has most.
    #[must_use]
    pub fn busiest(&self) -> u64 {
        self.in_flight.iter().max().copied().unwrap_or_default()
    }

    fn weight_of_all_up(&mut self, health: &Health) -> u128 {
        if let Some((_, weight)) = self.up.filter(|(generation, _)| *generation == health.generation()) {
            return weight;
        }
        let weights = (0..).map(ShardId::new).zip(&self.weights);
        let up = weights.filter(|(shard, _)| health.is_up(*shard)).map(|(_, weight)| u128::from(*weight));
        let weight = up.sum();
        self.up = Some((health.generation(), weight));
        weight
    }
}
