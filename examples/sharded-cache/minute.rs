//! A minute of requests, in the middle of which a shard is dead for twenty seconds.

use anyhow::Result;
use entourage::sharding::{Health, ShardId};

use crate::{cache::Cache, plan::Plan, popularity::Popularity};

/// Seconds, and requests in each.
pub const SECONDS: usize = 60;
pub const REQUESTS: usize = 1_000;

/// The shard is killed at the beginning of this second, and is back, empty, at that of the other.
pub const KILLED: usize = 20;
pub const BACK: usize = 40;

/// How many requests fill the caches before anything is counted.
const BEFORE: usize = 60_000;

/// The caches that there are, and what they are asked.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub shards: u32,
    pub keys: u32,
    /// Entries in each cache.
    pub room: usize,
    /// The number of the shard that is killed.
    pub victim: u32,
    pub seed: u64,
}

/// What a minute was like.
#[derive(Clone, Debug, PartialEq)]
pub struct Minute {
    /// The part of the requests that was found, by second.
    pub found: Vec<f64>,
    /// How many in one of the requests would have been found the moment after the kill, and the
    /// moment after the return: exact, not counted.
    pub after_kill: f64,
    pub after_return: f64,
}

impl Minute {
    /// Lets it pass.
    pub fn of(plan: Plan, setting: &Setting) -> Result<Self> {
        let mut requests = Popularity::new(setting.keys, setting.seed);
        let mut caches = vec![Cache::new(setting.room); usize::try_from(setting.shards)?];
        let mut health = Health::new(setting.shards);
        let victim = ShardId::new(setting.victim);
        let mut owners = plan.owners(setting.keys, &health)?;
        let mut minute = Self { found: Vec::new(), after_kill: 0.0, after_return: 0.0 };
        for _ in 0..BEFORE {
            asked(&mut caches, &owners, requests.next());
        }
        for second in 0..SECONDS {
            if second == KILLED {
                caches[victim.index()].lose();
                health.mark_down(victim);
                owners = plan.owners(setting.keys, &health)?;
                minute.after_kill = to_be_found(&caches, &owners, &requests);
            }
            if second == BACK {
                health.mark_up(victim);
                owners = plan.owners(setting.keys, &health)?;
                minute.after_return = to_be_found(&caches, &owners, &requests);
            }
            let found = (0..REQUESTS).filter(|_| asked(&mut caches, &owners, requests.next())).count();
            minute.found.push(found as f64 / REQUESTS as f64);
        }
        Ok(minute)
    }

    /// The mean over the last ten seconds before this one.
    pub fn settled(&self, second: usize) -> f64 {
        self.found[second - 10..second].iter().sum::<f64>() / 10.0
    }
}

/// Whether a key is found; its shard has it from then on.
fn asked(caches: &mut [Cache], owners: &[Option<usize>], key: u32) -> bool {
    owners[key as usize].is_some_and(|owner| caches[owner].ask(key))
}

/// How many in one of the requests would be found now.
fn to_be_found(caches: &[Cache], owners: &[Option<usize>], requests: &Popularity) -> f64 {
    let is_there = |key: u32| owners[key as usize].is_some_and(|owner| caches[owner].has(key));
    requests.parts().filter(|(key, _)| is_there(*key)).map(|(_, part)| part).sum()
}

#[cfg(test)]
mod tests {
    use super::{BACK, KILLED, Minute, SECONDS, Setting};
    use crate::plan::Plan;

    const SETTING: Setting = Setting { shards: 8, keys: 2_000, room: 100, victim: 2, seed: 9 };

    #[test]
    fn a_seed_is_a_minute() {
        let of = |seed| Minute::of(Plan::Ring, &Setting { seed, ..SETTING }).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn what_is_found_falls_with_the_kill_and_not_before() {
        for plan in Plan::ALL {
            let minute = Minute::of(plan, &SETTING).unwrap();
            assert_eq!(minute.found.len(), SECONDS);
            let before = minute.settled(KILLED);
            let steady = minute.found[..KILLED].iter().all(|found| (found - before).abs() < 0.08);
            assert!(steady && minute.after_kill < before, "{plan:?} {minute:?}");
        }
    }

    #[test]
    fn a_ring_loses_less_than_modulo_at_the_kill_and_at_the_return() {
        let [ring, nobody, modulo] = Plan::ALL.map(|plan| Minute::of(plan, &SETTING).unwrap());
        assert!(ring.after_kill > 3.0 * modulo.after_kill);
        assert!(ring.after_return > 3.0 * modulo.after_return);
        assert!((ring.after_kill - nobody.after_kill).abs() < 1e-9);
        assert!(ring.settled(BACK) > nobody.settled(BACK));
    }
}
