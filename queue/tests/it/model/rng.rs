//! Choices from a seed, the same on every machine.

use entourage_testkit::Rng as Numbers;

/// What a draw asks of a generator.
#[derive(Clone, Debug)]
pub(crate) struct Rng(Numbers);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Numbers::new(seed))
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let number = self.0.between(0..bound as u64);
        usize::try_from(number).expect("it is below a usize")
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
