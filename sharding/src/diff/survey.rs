//! How one function spreads the keys that it is shown.

use std::collections::BTreeSet;

use super::Finding;
use crate::{Error, Explain, Result, ShardId, ShardLoad};

/// How many shards a [`Survey`] can be taken of: it counts for each.
pub const MAX_SURVEYED: u32 = 1 << 20;

/// So many hashes are looked at before a bit that never changes is believed: those of a hundred
/// keys that are alike may have some in common, though the hash is sound.
const ENOUGH_HASHES: usize = 1_024;

/// A server that ought to have had so many keys and has none is starved: chance says e⁻²⁰.
const ENOUGH_KEYS: f64 = 20.0;

/// How one function spread the keys that it was shown; plain data, to be printed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Survey {
    /// How many keys there were.
    pub keys: u64,
    /// Each server, by the number of its shard.
    pub servers: Vec<Surveyed>,
    /// The busiest server's keys over the mean; `None` without keys.
    pub max_over_mean: Option<f64>,
    /// What somebody should look at.
    pub findings: Vec<Finding>,
}

/// One server of a [`Survey`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Surveyed {
    /// Its name; the shard's number, where shards have no names.
    pub server: String,
    /// How many of the keys it got.
    pub keys: u64,
    /// The part of all keys that it ought to get, from 0 to 1, if anybody can say.
    pub ideal: Option<f64>,
}

/// A survey that is being taken.
#[derive(Debug)]
pub(super) struct Surveyor<'f, F: ?Sized> {
    function: &'f F,
    load: ShardLoad,
    keys: u64,
    /// What all hashes have in common, and what some of them have.
    always: u64,
    ever: u64,
    hashes: BTreeSet<u64>,
    /// The greatest key so far, and how many were greater than all before.
    greatest: Option<Vec<u8>>,
    ascents: u64,
}

impl<'f, F: Explain + ?Sized> Surveyor<'f, F> {
    pub(super) fn of(function: &'f F) -> Result<Self> {
        let shards = function.shards();
        if shards > MAX_SURVEYED {
            let (servers, limit) = (shards as usize, MAX_SURVEYED as usize);
            return Err(Error::TooManyServers { servers, limit });
        }
        Ok(Self {
            function,
            load: ShardLoad::new(shards),
            keys: 0,
            always: u64::MAX,
            ever: 0,
            hashes: BTreeSet::new(),
            greatest: None,
            ascents: 0,
        })
    }

    /// Takes a key, as the function is to be asked about it; its shard.
    pub(super) fn take(&mut self, key: &[u8]) -> ShardId {
        let shard = self.function.shard(key);
        self.load.add(shard, 1);
        self.keys += 1;
        if let Some(hash) = self.function.key_hash(key) {
            self.always &= hash;
            self.ever |= hash;
            if self.hashes.len() < ENOUGH_HASHES {
                self.hashes.insert(hash);
            }
        }
        if self.function.is_ordered() && self.greatest.as_deref().is_none_or(|greatest| greatest < key) {
            self.ascents += 1;
            let greatest = self.greatest.get_or_insert_default();
            greatest.clear();
            greatest.extend_from_slice(key);
        }
        shard
    }

    pub(super) fn finish(self) -> Survey {
        let counted = (0..).map(ShardId::new).zip(self.load.counts());
        let servers: Vec<_> = counted
            .map(|(shard, keys)| Surveyed {
                server: self.function.server_name(shard).into_owned(),
                keys: *keys,
                ideal: self.function.ideal_share(shard),
            })
            .collect();
        let mut findings = Vec::new();
        findings.extend(self.degenerate());
        findings.extend(self.grows_at_the_end());
        let starved: BTreeSet<_> = self.function.starved_shards().into_iter().collect();
        for (shard, server) in (0..).map(ShardId::new).zip(&servers) {
            findings.extend(self.starved_or_skewed(server, starved.contains(&shard)));
        }
        Survey { keys: self.keys, max_over_mean: self.load.max_over_mean(), servers, findings }
    }

    fn degenerate(&self) -> Option<Finding> {
        let (bits, of) = ((self.ever & !self.always).count_ones(), self.function.hash_bits());
        (self.hashes.len() >= ENOUGH_HASHES && bits < of).then_some(Finding::Degenerate { bits, of })
    }

    /// Nine in ten keys were greater than all before them, and the greatest is on the last shard.
    fn grows_at_the_end(&self) -> Option<Finding> {
        let last = ShardId::new(self.function.shards() - 1);
        let greatest = self.greatest.as_deref()?;
        let grows = self.keys as f64 >= ENOUGH_KEYS && self.ascents as f64 >= 0.9 * self.keys as f64;
        (grows && self.function.shard(greatest) == last)
            .then(|| Finding::GrowsAtTheEnd { server: self.function.server_name(last).into_owned() })
    }

    fn starved_or_skewed(&self, of: &Surveyed, is_starved: bool) -> Option<Finding> {
        let server = || of.server.clone();
        if is_starved {
            return Some(Finding::Starved { server: server() });
        }
        let ideal = of.ideal?;
        let ought = ideal * self.keys as f64;
        if of.keys == 0 && ought >= ENOUGH_KEYS {
            return Some(Finding::Starved { server: server() });
        }
        // Five standard deviations above, so that few keys raise no alarm.
        let is_skewed = of.keys as f64 > 1.5 * ought && of.keys as f64 > ought + 5.0 * ought.sqrt();
        let share = of.keys as f64 / self.keys as f64;
        is_skewed.then(|| Finding::Skewed { server: server(), share, ideal })
    }
}
