use std::cmp::Ordering;

use super::logarithm::cost;

/// What a server offers for a key: less is better, and no two servers offer the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bid {
    cost: u64,
    weight: u32,
    hash: u64,
    server: usize,
}

impl Bid {
    pub(super) const fn new(hash: u64, weight: u32, server: usize) -> Self {
        Self { cost: cost(hash), weight, hash, server }
    }

    pub(super) const fn server(self) -> usize {
        self.server
    }

    /// Whether it is better than this hash with this weight, as far as that is plain to see.
    pub(super) const fn beats(self, hash: u64, weight: u32) -> bool {
        hash < self.hash && weight <= self.weight
    }
}

impl Ord for Bid {
    /// By cost over weight, multiplied out. What the logarithm rounds to the same is told apart
    /// by the hash, so that servers of equal weight are ranked by their hashes alone.
    fn cmp(&self, other: &Self) -> Ordering {
        let (ours, theirs) = (u128::from(self.cost), u128::from(other.cost));
        (ours * u128::from(other.weight))
            .cmp(&(theirs * u128::from(self.weight)))
            .then(other.hash.cmp(&self.hash))
            .then(self.server.cmp(&other.server))
    }
}

impl PartialOrd for Bid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bid {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Bid {}
