//! What the ring says of keys, before any server is asked.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use entourage::{
    ambassador::nutcracker::Pool,
    sharding::{ConsistentRing, Diff, ShardingFunction},
};

use crate::pool::{self, name};

/// What is shown. Of the last four, C's signed bytes decide where they are.
pub const KEYS: [&str; 12] = [
    "user:ann",
    "user:bob",
    "user:cleo",
    "cart:{ann}",
    "cart:{bob}",
    "session:9f86d081",
    "page:/index.html",
    "counter",
    "straße",
    "café",
    "ключ",
    "鍵",
];

/// Columns of the longest bar.
const BAR: u64 = 30;

/// The ring of a pool, whose servers have the numbers that they have in the file.
#[derive(Debug)]
pub struct Foretold {
    ring: ConsistentRing,
    servers: usize,
}

impl Foretold {
    pub fn of(pool: &Pool) -> Result<Self> {
        Ok(Self { ring: pool::ring(pool)?, servers: pool.servers.len() })
    }

    /// Which of the servers has a key; shards are numbered by name, servers in the order of the file.
    pub fn server_of(&self, key: &str) -> Result<usize> {
        let says = self.ring.server(self.ring.shard(key.as_bytes())).context("the ring has no such shard")?;
        (0..self.servers).find(|number| name(*number) == says.name()).context("a name of nobody")
    }

    /// How many of the keys each server has.
    pub fn counts<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Result<Vec<u64>> {
        let mut counts = vec![0; self.servers];
        for key in keys {
            counts[self.server_of(key)?] += 1;
        }
        Ok(counts)
    }

    /// A line for each server: what it has, and its share of the ring.
    pub fn bars(&self, counts: &[u64]) -> Result<String> {
        let most = counts.iter().max().copied().unwrap_or(1).max(1);
        let mut text = String::new();
        for (number, count) in counts.iter().enumerate() {
            let bar = "█".repeat(usize::try_from((count * BAR).div_ceil(most))?);
            let shard = self.ring.shard_of_server(&name(number)).context("a name of nobody")?;
            let share = 100.0 * self.ring.share(shard);
            writeln!(text, "  shard {number}  {count:>7} keys  {bar:<30}  {share:.0} % of the ring")?;
        }
        Ok(text)
    }

    /// What one server more would move of so many keys; and whether all of that goes to it.
    pub fn one_server_more(&self, count: u32) -> Result<(Diff, bool)> {
        let builder = ConsistentRing::builder().dialect(self.ring.dialect());
        let names = (0..=self.servers).map(name);
        let larger = names.fold(builder, |ring, name| ring.server(name, 1)).build()?;
        let diff = Diff::between(&self.ring, &larger, many(count))?;
        let all_to_it = diff.moves.iter().all(|moved| moved.to == name(self.servers));
        Ok((diff, all_to_it))
    }

    /// All of that, where there are no servers to compare it with.
    pub fn alone(&self, count: u32) -> Result<String> {
        let mut text = String::from("Where the ring has these keys, and where nutcracker would put them:\n");
        for key in KEYS {
            writeln!(text, "  shard {}  {key}", self.server_of(key)?)?;
        }
        let keys: Vec<String> = many(count).collect();
        let counts = self.counts(keys.iter().map(String::as_str))?;
        writeln!(text, "\n{count} keys more:\n{}", self.bars(&counts)?)?;
        text.push_str(&more(&self.one_server_more(count)?.0, count));
        Ok(text)
    }
}

/// Keys, so many.
pub fn many(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("item:{number}:price"))
}

/// What one shard more would move, in words.
pub fn more(diff: &Diff, count: u32) -> String {
    let percent = 100.0 * diff.fraction();
    format!(
        "One shard more would take {} of these {count} keys ({percent:.0} %), and no others.\n",
        diff.moved
    )
}

#[cfg(test)]
mod tests {
    use super::Foretold;
    use crate::pool::{config, text};

    #[test]
    fn without_servers_the_ring_tells_where_every_key_is() {
        let servers: Vec<_> = [1, 2, 3].map(|port| ([127, 0, 0, 1], port).into()).into();
        let foretold = Foretold::of(&config(&text(&servers)).unwrap().pools[0]).unwrap();
        let counts = foretold.counts(["user:ann", "user:bob", "straße"]).unwrap();
        assert_eq!(counts, [1, 1, 1], "as nutcracker has them");
        let told = foretold.alone(3_000).unwrap();
        assert!(told.contains("  shard 0  straße\n") && told.contains("One shard more"), "{told}");
        assert!(told.lines().all(|line| line.chars().count() < 80), "{told}");
        assert!(foretold.one_server_more(3_000).unwrap().1);
    }
}
