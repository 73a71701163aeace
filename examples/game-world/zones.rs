//! Which server runs which square of the world.

use anyhow::{Context, Result};
use entourage::sharding::{
    ConsistentRing, Health, Placement, ShardId, ShardingFunction,
    key::{Grid, KeyOf, Position},
};

/// The servers of the world; each has a letter on the map, its first.
pub const SERVERS: [&str; 6] = ["ash", "birch", "cedar", "dogwood", "elm", "fir"];

/// The servers, the squares that they run, and who of them is up.
#[derive(Clone, Debug)]
pub struct Zones {
    grid: Grid,
    placement: Placement<ConsistentRing>,
    pub health: Health,
}

impl Zones {
    /// A world of squares with sides of so many metres.
    pub fn new(side: f64) -> Result<Self> {
        let ring = ConsistentRing::of(SERVERS)?;
        let health = Health::new(ring.shards());
        // A square of a server that is down is run by the next on the ring, until it is back.
        let placement = Placement::new(ring, 1)?.with_spill_over();
        Ok(Self { grid: Grid::of_squares(side)?, placement, health })
    }

    /// The middle of the square where the fair is held.
    pub fn town(side: f64) -> Position {
        let middle = |at: f64| ((at / side).floor() + 0.5) * side;
        Position { x: middle(380.0), y: middle(180.0) }
    }

    /// The key of a place: its square, `column,row`. The buffer is the caller's.
    pub fn key(&self, place: Position, key: &mut Vec<u8>) -> Result<()> {
        key.clear();
        self.grid.write(&place, key).context("a player has left the world")
    }

    /// Who runs the square of this key now.
    pub fn server(&self, key: &[u8]) -> Result<ShardId> {
        self.placement.healthy(key, &self.health).next().context("no server is up")
    }

    /// Who runs the square of this place now.
    pub fn server_at(&self, place: Position) -> Result<ShardId> {
        let mut key = Vec::new();
        self.key(place, &mut key)?;
        self.server(&key)
    }

    pub fn name(&self, shard: ShardId) -> &str {
        self.placement.function().server(shard).map_or("nobody", |server| server.name())
    }

    pub fn shard(&self, name: &str) -> Result<ShardId> {
        self.placement.function().shard_of_server(name).with_context(|| format!("there is no server {name}"))
    }

    /// The servers' letters, by number.
    pub fn letters(&self) -> Vec<char> {
        let servers = self.placement.function().servers().iter();
        servers
            .filter_map(|server| server.name().chars().next())
            .map(|letter| letter.to_ascii_uppercase())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use entourage::sharding::key::Position;

    use super::{SERVERS, Zones};

    #[test]
    fn who_stands_in_one_square_meets_on_one_server() {
        let zones = Zones::new(40.0).unwrap();
        let at = |x, y| zones.server_at(Position { x, y }).unwrap();
        assert_eq!(at(80.0, 40.0), at(119.9, 79.9));
        assert!(zones.server_at(Position { x: f64::NAN, y: 0.0 }).is_err());
    }

    #[test]
    fn nobody_runs_a_square_when_all_are_down() {
        let mut zones = Zones::new(40.0).unwrap();
        for name in SERVERS {
            let shard = zones.shard(name).unwrap();
            assert!(zones.health.mark_down(shard));
        }
        assert!(zones.server(b"0,0").is_err());
        assert_eq!(zones.letters().into_iter().collect::<String>(), "ABCDEF");
    }
}
