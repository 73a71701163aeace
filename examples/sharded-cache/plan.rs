//! What becomes of a dead shard's keys.

use anyhow::Result;
use entourage::sharding::{ConsistentRing, Health, Modulo, Placement, ShardId, ShardingFunction};

use crate::popularity::name;

/// Where keys go while a shard is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The ring stays, and the next on it takes the dead one's keys.
    Ring,
    /// The ring stays, and nobody takes them: they are asked of the origin.
    Nobody,
    /// All keys are counted off anew over those that live.
    Modulo,
}

impl Plan {
    pub const ALL: [Self; 3] = [Self::Ring, Self::Nobody, Self::Modulo];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ring => "consistent hashing",
            Self::Nobody => "no spill-over",
            Self::Modulo => "modulo",
        }
    }

    /// The shard of each of so many keys; `None` where nobody has it.
    pub fn owners(self, keys: u32, health: &Health) -> Result<Vec<Option<usize>>> {
        let shards = (0..health.shards()).map(ShardId::new);
        let up: Vec<ShardId> = shards.filter(|shard| health.is_up(*shard)).collect();
        let ring = || ConsistentRing::of((0..health.shards()).map(server));
        let place: Place<'_> = match self {
            Self::Ring => {
                let placement = Placement::new(ring()?, 1)?.with_spill_over();
                Box::new(move |key| placement.healthy(key, health).next())
            }
            Self::Nobody => {
                let placement = Placement::new(ring()?, 1)?;
                Box::new(move |key| placement.healthy(key, health).next())
            }
            Self::Modulo => {
                let modulo = Modulo::new(u32::try_from(up.len())?)?;
                Box::new(move |key| up.get(modulo.shard(key).index()).copied())
            }
        };
        Ok((0..keys).map(|key| place(name(key).as_bytes()).map(ShardId::index)).collect())
    }
}

/// Finds the shard of a key.
type Place<'a> = Box<dyn Fn(&[u8]) -> Option<ShardId> + 'a>;

/// A shard's name; with so few, their order is that of their numbers.
pub fn server(number: u32) -> String {
    format!("cache-{number:02}")
}

#[cfg(test)]
mod tests {
    use entourage::sharding::{Health, ShardId};

    use super::Plan;

    /// Of the keys of shards that live, how many are elsewhere when shard 3 of 10 is down.
    fn moved(plan: Plan) -> (usize, usize) {
        let mut health = Health::new(10);
        let before = plan.owners(5_000, &health).unwrap();
        health.mark_down(ShardId::new(3));
        let during = plan.owners(5_000, &health).unwrap();
        let others = before.iter().zip(&during).filter(|(before, _)| **before != Some(3));
        let moved = others.clone().filter(|(before, during)| before != during).count();
        (moved, during.iter().filter(|owner| owner.is_none()).count())
    }

    #[test]
    fn only_modulo_moves_the_keys_of_shards_that_live() {
        assert_eq!(moved(Plan::Ring), (0, 0));
        let (others, nobody) = moved(Plan::Nobody);
        assert!(others == 0 && (300..800).contains(&nobody), "{nobody}");
        let (others, nobody) = moved(Plan::Modulo);
        assert!(nobody == 0 && others > 3_500, "{others}");
    }
}
