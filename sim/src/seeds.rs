//! Many simulations.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use crate::{coverage::Coverage, run::Run};

/// How many times more seeds `ENTOURAGE_LONG` runs.
const LONG: u64 = 50;

/// The seeds that a test runs.
///
/// With `ENTOURAGE_SEED=<seed>` it runs that one alone, which is how a failure is replayed;
/// with `ENTOURAGE_LONG` fifty times as many.
///
/// # Examples
/// ```
/// use entourage_sim::{Faults, Seeds, Sim};
///
/// let coverage = Seeds::new(3).run(|seed| {
///     let mut sim = Sim::new(seed, Faults::all());
///     sim.process("idler", |_| async {});
///     sim.run().expect("it ends")
/// });
/// assert_eq!(coverage.calls().count(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Seeds {
    first: u64,
    count: u64,
    replayed: bool,
}

impl Seeds {
    /// The seeds from 0 below `count`, or as the environment says.
    ///
    /// # Panics
    /// If `ENTOURAGE_SEED` is not a number.
    pub fn new(count: u64) -> Self {
        if let Ok(seed) = env::var("ENTOURAGE_SEED") {
            let first = seed.parse().expect("ENTOURAGE_SEED is a seed, a number below 2^64");
            return Self { first, count: 1, replayed: true };
        }
        let long = env::var_os("ENTOURAGE_LONG").is_some();
        Self { first: 0, count: if long { count.saturating_mul(LONG) } else { count }, replayed: false }
    }

    /// Runs each, and adds up what they covered.
    ///
    /// # Panics
    /// With what a run panicked with, after printing its seed and how to replay it.
    pub fn run(self, run: impl Fn(u64) -> Run) -> Coverage {
        let mut coverage = Coverage::new();
        if self.replayed {
            coverage.sample();
        }
        for seed in (0..self.count).map(|number| self.first.wrapping_add(number)) {
            match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                Ok(run) => {
                    if self.replayed {
                        print!("{}", run.trace);
                    }
                    coverage.add_run(&run.coverage);
                }
                Err(panic) => {
                    let test = std::thread::current().name().unwrap_or_default().to_owned();
                    eprintln!("seed {seed} failed; replay it with ENTOURAGE_SEED={seed} cargo test {test}");
                    resume_unwind(panic);
                }
            }
        }
        coverage
    }
}
