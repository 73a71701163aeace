//! What is to be expected before anything is tried.

/// A cache of several shards in front of an origin.
///
/// It takes the requests to be spread evenly over the shards, and the shards to be full.
#[derive(Clone, Copy, Debug)]
pub struct Arithmetic {
    pub shards: u32,
    /// How many in one of the requests are found.
    pub hits: f64,
    /// What a request costs that is found, and one that is not, in milliseconds.
    pub hit: f64,
    pub miss: f64,
}

impl Arithmetic {
    /// The hit rate just after a shard is lost, where the others keep their keys: one in N is gone.
    pub fn one_lost(&self) -> f64 {
        self.hits * (1.0 - 1.0 / f64::from(self.shards))
    }

    /// The same where all keys are counted off anew: with N − 1 shards instead of N only one key
    /// in N is found where it was, because no number but 1 divides both.
    pub fn counted_off_anew(&self) -> f64 {
        self.hits / f64::from(self.shards)
    }

    /// What a request costs on average at a hit rate.
    pub fn cost(&self, hits: f64) -> f64 {
        hits * self.hit + (1.0 - hits) * self.miss
    }

    /// How many times as much the origin has to do, at a hit rate.
    pub fn origin(&self, hits: f64) -> f64 {
        (1.0 - hits) / (1.0 - self.hits)
    }
}

#[cfg(test)]
mod tests {
    use super::Arithmetic;

    #[test]
    fn ten_shards_that_find_half() {
        let of = Arithmetic { shards: 10, hits: 0.5, hit: 10.0, miss: 100.0 };
        let is = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(is(of.one_lost(), 0.45) && is(of.counted_off_anew(), 0.05));
        assert!(is(of.cost(of.hits), 55.0) && is(of.cost(of.one_lost()), 59.5));
        assert!(is(of.origin(of.one_lost()), 1.1) && is(of.origin(of.counted_off_anew()), 1.9));
    }
}
