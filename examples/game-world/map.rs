//! The world as letters: who runs what.

use anyhow::Result;
use entourage::sharding::{ShardId, key::Position};

use crate::{
    world::{HEIGHT, WIDTH},
    zones::Zones,
};

/// Letters in a line, and lines: a letter is 10 m wide and 20 m high.
const COLUMNS: u32 = 64;
const ROWS: u32 = 16;

/// Who runs each spot of the world, from the upper left on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    owners: Vec<ShardId>,
    letters: Vec<char>,
}

impl Map {
    pub fn of(zones: &Zones) -> Result<Self> {
        let owners = spots().map(|spot| zones.server_at(spot)).collect::<Result<_>>()?;
        Ok(Self { owners, letters: zones.letters() })
    }

    /// A frame of letters, where `*` is the town. What is another's than on the map before is in
    /// small letters, and then the rest is dots.
    pub fn draw(&self, town: Position, before: Option<&Self>) -> String {
        let town = (town.x * f64::from(COLUMNS) / WIDTH) as usize
            + (((HEIGHT - town.y) * f64::from(ROWS) / HEIGHT) as usize) * COLUMNS as usize;
        let sign = |(spot, owner): (usize, &ShardId)| {
            let letter = self.letters.get(owner.index()).copied().unwrap_or('?');
            match before {
                None if spot == town => '*',
                None => letter,
                Some(before) if before.owners.get(spot) == Some(owner) => '·',
                Some(_) => letter.to_ascii_lowercase(),
            }
        };
        let signs: Vec<char> = self.owners.iter().enumerate().map(sign).collect();
        let edge = "─".repeat(COLUMNS as usize);
        let rows =
            signs.chunks(COLUMNS as usize).map(|row| format!("│{}│\n", row.iter().collect::<String>()));
        format!("┌{edge}┐\n{}└{edge}┘\n", rows.collect::<String>())
    }

    /// How many spots are another's than on that map; and whether all of them were, or are, this server's.
    pub fn moved(&self, before: &Self, server: ShardId) -> (usize, bool) {
        let mut pairs = self.owners.iter().zip(&before.owners).filter(|(now, then)| now != then);
        let moved = pairs.clone().count();
        (moved, pairs.all(|(now, then)| [*now, *then].contains(&server)))
    }
}

/// The middles of all letters.
fn spots() -> impl Iterator<Item = Position> {
    let (wide, high) = (WIDTH / f64::from(COLUMNS), HEIGHT / f64::from(ROWS));
    (0..ROWS).rev().flat_map(move |row| {
        (0..COLUMNS).map(move |column| Position {
            x: (f64::from(column) + 0.5) * wide,
            y: (f64::from(row) + 0.5) * high,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::Map;
    use crate::zones::{SERVERS, Zones};

    #[test]
    fn a_server_that_dies_moves_its_squares_and_no_others() {
        let mut zones = Zones::new(40.0).unwrap();
        let before = Map::of(&zones).unwrap();
        for name in SERVERS {
            let dead = zones.shard(name).unwrap();
            zones.health.mark_down(dead);
            let during = Map::of(&zones).unwrap();
            let (moved, all_its) = during.moved(&before, dead);
            assert!(moved > 0 && all_its, "{name}");
            let drawn = during.draw(Zones::town(40.0), Some(&before));
            assert_eq!(drawn.chars().filter(char::is_ascii_lowercase).count(), moved, "{name}");
            zones.health.mark_up(dead);
            assert_eq!(Map::of(&zones).unwrap(), before, "{name}");
        }
    }

    #[test]
    fn the_map_has_every_letter_and_no_line_of_eighty_columns() {
        let drawn = Map::of(&Zones::new(40.0).unwrap()).unwrap().draw(Zones::town(40.0), None);
        assert!("ABCDEF*".chars().all(|letter| drawn.contains(letter)), "{drawn}");
        assert!(drawn.lines().all(|line| line.chars().count() < 80));
    }
}
