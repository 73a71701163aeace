//! Random choices that can be made again.

use std::{env, ops::Range, process, time::Duration};

use entourage_core::{Clock, SystemClock};

/// A small generator of random numbers (SplitMix64): the same seed, the same numbers.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The numbers of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The numbers of `ENTOURAGE_SEED`, or of a seed of this run; prints which.
    ///
    /// # Panics
    /// If `ENTOURAGE_SEED` is not a number.
    #[must_use]
    pub fn from_env() -> Self {
        let seed = match env::var("ENTOURAGE_SEED") {
            Ok(seed) => seed.parse().unwrap_or_else(|_| panic!("ENTOURAGE_SEED is {seed:?}, not a number")),
            Err(_) => {
                let now = SystemClock::new().now().as_nanos();
                Self::new(now ^ (u64::from(process::id()) << 32)).next_u64()
            }
        };
        eprintln!("ENTOURAGE_SEED={seed}");
        Self::new(seed)
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of `range`.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn between(&mut self, range: Range<u64>) -> u64 {
        assert!(!range.is_empty(), "the range {range:?} is empty");
        // The bias of the remainder is below one in 2^32 for the ranges of a test.
        range.start + self.next_u64() % (range.end - range.start)
    }

    /// A time shorter than `longest`, to the nanosecond.
    ///
    /// # Panics
    /// If `longest` is zero.
    pub fn shorter_than(&mut self, longest: Duration) -> Duration {
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.between(0..nanos))
    }
}
