//! Which keys are asked for, and how often.

use crate::cache::Key;

/// The most wanted keys are wanted about alike, the others less and less.
const PLATEAU: f64 = 100.0;

/// Chance that is the same in every run: the key of rank r is wanted as 1 is to r + 100.
#[derive(Clone, Debug)]
pub struct Popularity {
    /// For each key, the part of the requests that want it or one before it.
    upto: Vec<f64>,
    state: u64,
}

impl Popularity {
    pub fn new(keys: u32, seed: u64) -> Self {
        let weight = |rank: u32| 1.0 / (f64::from(rank) + PLATEAU);
        let all: f64 = (0..keys).map(weight).sum();
        let upto = (0..keys).scan(0.0, |upto, rank| {
            *upto += weight(rank) / all;
            Some(*upto)
        });
        Self { upto: upto.collect(), state: seed }
    }

    /// All keys, each with the part of the requests that want it.
    pub fn parts(&self) -> impl Iterator<Item = (Key, f64)> {
        let before = std::iter::once(0.0).chain(self.upto.iter().copied());
        (0..).zip(self.upto.iter().zip(before).map(|(upto, before)| upto - before))
    }

    /// The key of the next request.
    pub fn next(&mut self) -> Key {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let part = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = self.upto.partition_point(|upto| *upto <= part).min(self.upto.len() - 1);
        Key::try_from(rank).expect("there are as many keys as a u32 said")
    }
}

/// How the shards know a key.
pub fn name(key: Key) -> String {
    format!("page:{key}:html")
}

#[cfg(test)]
mod tests {
    use super::Popularity;

    #[test]
    fn keys_are_asked_for_as_often_as_their_part_says() {
        let mut popularity = Popularity::new(1_000, 5);
        let first: f64 = popularity.parts().take(100).map(|(_, part)| part).sum();
        let all: f64 = popularity.parts().map(|(_, part)| part).sum();
        assert!((all - 1.0).abs() < 1e-9);
        let asked = (0..20_000).filter(|_| popularity.next() < 100).count() as f64 / 20_000.0;
        assert!((asked - first).abs() < 0.02, "{asked} of {first}");
    }
}
