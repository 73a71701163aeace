//! What an hour of the world costs its servers.

use std::fmt::Write as _;

use anyhow::Result;
use entourage::sharding::{HeavyKey, HeavyKeys, ShardId, ShardLoad};

use crate::{
    world::World,
    zones::{SERVERS, Zones},
};

/// How often everybody does something in an hour.
const ACTIONS: usize = 20;

/// How many squares are shown, of those where most happens.
const SHOWN: usize = 3;

/// Columns of the longest bar.
const BAR: u64 = 44;

/// Who was asked how much, and for which squares.
#[derive(Debug)]
pub struct Hour {
    pub load: ShardLoad,
    squares: HeavyKeys,
}

impl Hour {
    /// Lets everybody walk and act, and counts.
    pub fn pass(world: &mut World, zones: &Zones, walks: bool) -> Result<Self> {
        let load = ShardLoad::new(zones.health.shards());
        // Ten times as many as are shown: memory does not grow with the world.
        let mut hour = Self { load, squares: HeavyKeys::new(10 * SHOWN)? };
        let mut key = Vec::new();
        for _ in 0..ACTIONS {
            if walks {
                world.roam();
            }
            for player in &world.players {
                zones.key(*player, &mut key)?;
                hour.load.add(zones.server(&key)?, 1);
                hour.squares.add(&key, 1);
            }
        }
        Ok(hour)
    }

    /// The busiest server's load over the mean of all.
    pub fn unevenness(&self) -> f64 {
        self.load.max_over_mean().unwrap_or(1.0)
    }

    /// The square where most happens, if one is sure to have so large a part of it all.
    pub fn hot(&self, part: f64) -> Option<HeavyKey> {
        let surely =
            |square: &HeavyKey| (square.count - square.error) as f64 >= part * self.squares.total() as f64;
        self.squares.top(1).into_iter().find(surely)
    }

    /// A bar for each server, and the squares where most happens.
    pub fn picture(&self, zones: &Zones) -> Result<String> {
        let most = self.load.counts().iter().max().copied().unwrap_or(0).max(1);
        let mut text = String::new();
        for name in SERVERS {
            let shard = zones.shard(name)?;
            let count = self.load.counts().get(shard.index()).copied().unwrap_or(0);
            let bar = "█".repeat(usize::try_from((count * BAR).div_ceil(most))?);
            let down = if zones.health.is_up(shard) { "" } else { "down" };
            writeln!(text, "  {name:<8}{count:>8}  {bar}{down}")?;
        }
        writeln!(text, "  the busiest has {:.2} times the mean", self.unevenness())?;
        let total = self.squares.total();
        let mut squares = self.squares.top(SHOWN);
        squares.retain(|square| (square.count - square.error) * 50 >= total);
        if squares.is_empty() {
            writeln!(text, "  no square is sure to have 2 % of it")?;
        }
        for HeavyKey { key, count, error } in squares {
            let (square, server) = (String::from_utf8_lossy(&key), zones.server(&key)?);
            let (least, part) = (count - error, 100.0 * (count - error) as f64 / total as f64);
            let server = zones.name(server);
            writeln!(text, "  square {square} of {server} has {least} to {count}: {part:.1} % at least")?;
        }
        Ok(text)
    }

    /// What a server was asked.
    pub fn of(&self, shard: ShardId) -> u64 {
        self.load.counts().get(shard.index()).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Hour;
    use crate::{world::World, zones::Zones};

    #[test]
    fn a_crowd_is_found_by_its_square_and_by_its_server() {
        let zones = Zones::new(40.0).unwrap();
        let mut world = World::new(600, 3);
        let quiet = Hour::pass(&mut world, &zones, true).unwrap();
        assert_eq!(quiet.hot(0.2), None);
        let at = Zones::town(40.0);
        world.gather(0.6, at, 18.0);
        let fair = Hour::pass(&mut world, &zones, false).unwrap();
        let mut town = Vec::new();
        zones.key(at, &mut town).unwrap();
        assert_eq!(&*fair.hot(0.2).unwrap().key, town);
        assert_eq!(fair.load.busiest(), Some(zones.server(&town).unwrap()));
        assert!(fair.unevenness() > quiet.unevenness() * 1.5);
    }

    #[test]
    fn every_action_is_counted_once() {
        let zones = Zones::new(40.0).unwrap();
        let hour = Hour::pass(&mut World::new(100, 3), &zones, true).unwrap();
        assert_eq!(hour.load.total(), 2_000);
        assert!(hour.picture(&zones).unwrap().lines().all(|line| line.chars().count() < 80));
    }
}
