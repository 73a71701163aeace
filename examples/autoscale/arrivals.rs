//! When what comes: quiet, a burst, quiet, a shorter and steeper burst, quiet.

use std::{collections::HashMap, time::Duration};

use entourage::workqueue::ItemName;

/// How long there are arrivals.
pub const SPAN: Duration = Duration::from_secs(300);

/// For how many seconds how many items a second come, on average.
const COURSE: [(u64, f64); 5] = [(45, 0.5), (45, 4.0), (90, 0.5), (30, 6.0), (90, 0.5)];

/// When each item comes.
#[derive(Debug)]
pub struct Arrivals {
    at: HashMap<String, Duration>,
}

impl Arrivals {
    /// The arrivals of a seed: between two of them passes a time that knows nothing of the last one
    /// (a Poisson process).
    pub fn of(seed: u64) -> Self {
        let mut state = seed;
        // From above 0 to 1 (Steele, Lea and Flood, "Fast splittable pseudorandom number
        // generators", 2014).
        let mut chance = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON
        };
        let mut at = HashMap::new();
        let mut phase = 0.0;
        for (seconds, rate) in COURSE {
            let end = phase + seconds as f64;
            let mut moment = phase - chance().ln() / rate;
            while moment < end {
                at.insert(format!("item-{:04}", at.len() + 1), Duration::from_secs_f64(moment));
                moment -= chance().ln() / rate;
            }
            phase = end;
        }
        Self { at }
    }

    pub fn count(&self) -> u64 {
        self.at.len() as u64
    }

    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.at.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Whether an item is there after this long.
    pub fn has_come(&self, name: &ItemName, after: Duration) -> bool {
        self.at.get(name.as_str()).is_some_and(|at| *at <= after)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, COURSE, SPAN};

    #[test]
    fn a_seed_is_one_course_and_its_bursts_are_bursts() {
        assert_eq!(COURSE.iter().map(|(seconds, _)| seconds).sum::<u64>(), SPAN.as_secs());
        for seed in 0..20 {
            let arrivals = Arrivals::of(seed);
            assert_eq!(arrivals.at, Arrivals::of(seed).at);
            let within =
                |from, to| arrivals.at.values().filter(|at| (from..to).contains(&at.as_secs())).count();
            let (quiet, burst) = (within(0, 45), within(45, 90));
            assert!(burst > 3 * quiet, "seed {seed}: {quiet} items, then {burst}");
            assert!((280..=620).contains(&arrivals.count()), "seed {seed}: {} items", arrivals.count());
        }
    }
}
