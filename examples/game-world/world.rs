//! The players, and where they go.

use entourage::sharding::key::Position;

use crate::rng::Rng;

/// The world's size, in metres.
pub const WIDTH: f64 = 640.0;
pub const HEIGHT: f64 = 320.0;

/// How far somebody walks between two actions, along each axis.
const STRIDE: f64 = 6.0;

/// Everybody in the world.
#[derive(Clone, Debug)]
pub struct World {
    pub players: Vec<Position>,
    rng: Rng,
}

impl World {
    /// So many players, anywhere.
    pub fn new(players: usize, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let anywhere = |_| Position { x: rng.between(0.0, WIDTH), y: rng.between(0.0, HEIGHT) };
        let players = (0..players).map(anywhere).collect();
        Self { players, rng }
    }

    /// Everybody goes on a little, in any direction, but not over the edge.
    pub fn roam(&mut self) {
        for player in &mut self.players {
            player.x = (player.x + self.rng.between(-STRIDE, STRIDE)).clamp(0.0, WIDTH - 0.01);
            player.y = (player.y + self.rng.between(-STRIDE, STRIDE)).clamp(0.0, HEIGHT - 0.01);
        }
    }

    /// This part of the players comes to a place, as near as that; how many they are.
    pub fn gather(&mut self, part: f64, place: Position, near: f64) -> usize {
        let mut come = 0;
        for player in &mut self.players {
            if self.rng.part() < part {
                player.x = place.x + self.rng.between(-near, near);
                player.y = place.y + self.rng.between(-near, near);
                come += 1;
            }
        }
        come
    }
}

#[cfg(test)]
mod tests {
    use super::{HEIGHT, Position, WIDTH, World};

    #[test]
    fn nobody_walks_off_the_map() {
        let mut world = World::new(200, 7);
        for _ in 0..200 {
            world.roam();
        }
        let on = |at: f64, to: f64| (0.0..to).contains(&at);
        assert!(world.players.iter().all(|player| on(player.x, WIDTH) && on(player.y, HEIGHT)));
    }

    #[test]
    fn who_gathers_is_near_the_place() {
        let town = Position { x: 300.0, y: 100.0 };
        let mut world = World::new(1_000, 7);
        let come = world.gather(0.5, town, 10.0);
        let near = |at: &&Position| (at.x - town.x).abs().max((at.y - town.y).abs()) <= 10.0;
        assert!((400..600).contains(&come), "{come}");
        assert!(world.players.iter().filter(near).count() >= come);
    }

    #[test]
    fn a_seed_makes_one_world() {
        let roamed = |seed| {
            let mut world = World::new(50, seed);
            world.roam();
            world.players
        };
        assert_eq!(roamed(1), roamed(1));
        assert_ne!(roamed(1), roamed(2));
    }
}
