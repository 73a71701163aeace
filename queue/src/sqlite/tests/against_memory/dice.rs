//! Chance, drawn from a seed.

use entourage_testkit::Rng;

/// Drawn from a seed, so that a failure names the seed that repeats it.
pub(super) struct Dice(pub(super) Rng);

impl Dice {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0.between(0..n)
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}
