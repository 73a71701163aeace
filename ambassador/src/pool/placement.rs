//! Where keys are placed, whoever serves them.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use entourage_sharding::{
    ConsistentRing, Dialect, Error, HashTag, KeyHash, Modula, Server, ShardingFunction,
};

use crate::nutcracker::{Distribution, Pool};

/// What places keys, besides the servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placing {
    pub(crate) distribution: Distribution,
    pub(crate) hash: KeyHash,
    pub(crate) tag: Option<HashTag>,
}

impl From<&Pool> for Placing {
    fn from(pool: &Pool) -> Self {
        Self { distribution: pool.distribution, hash: pool.hash, tag: pool.hash_tag }
    }
}

/// Which of some servers has a key; nothing else is asked, and nothing changes.
#[derive(Debug)]
pub(crate) struct Placement {
    tag: Option<HashTag>,
    function: Function,
    /// Which server each of the function's shards is.
    servers: Vec<usize>,
    /// Turns with each key that is placed by chance.
    turn: AtomicU64,
}

#[derive(Debug)]
enum Function {
    Nobody,
    Only,
    Ring(ConsistentRing),
    Modula(Modula),
    Random,
}

impl Placement {
    /// Over servers of these numbers, names and weights.
    ///
    /// # Errors
    /// As the ring's: too many points, say.
    pub(crate) fn new(placing: Placing, among: &[(usize, &str, u32)]) -> Result<Self, Error> {
        let Placing { distribution, hash, tag } = placing;
        let places: HashMap<_, _> = among.iter().map(|(at, name, _)| (*name, *at)).collect();
        let numbered = |servers: &[Server]| servers.iter().map(|server| places[server.name()]).collect();
        let targets = among.iter().map(|(_, name, weight)| (*name, *weight));
        let (function, servers) = match (among.len(), distribution) {
            (0, _) => (Function::Nobody, Vec::new()),
            (1, _) => (Function::Only, vec![among[0].0]),
            (_, Distribution::Random) => (Function::Random, among.iter().map(|(at, ..)| *at).collect()),
            (_, Distribution::Ketama) => {
                let builder = ConsistentRing::builder().dialect(Dialect::Twemproxy(hash));
                let ring = targets.fold(builder, |ring, (name, weight)| ring.server(name, weight)).build()?;
                let servers = numbered(ring.servers());
                (Function::Ring(ring), servers)
            }
            (_, Distribution::Modula) => {
                let modula = Modula::new(hash, targets)?;
                let servers = numbered(modula.servers());
                (Function::Modula(modula), servers)
            }
        };
        Ok(Self { tag, function, servers, turn: AtomicU64::new(0) })
    }

    /// The server of this key; `None` where there is none.
    #[inline]
    pub(crate) fn server(&self, key: &[u8]) -> Option<usize> {
        let key = self.tag.map_or(key, |tag| tag.of(key));
        let shard = match &self.function {
            Function::Ring(ring) => ring.shard(key).index(),
            Function::Modula(modula) => modula.shard(key).index(),
            Function::Only => 0,
            Function::Random => self.chance(),
            Function::Nobody => return None,
        };
        Some(self.servers[shard])
    }

    /// The servers that a key prefers, the best first, where the function has an order of them.
    pub(crate) fn preferred(&self, key: &[u8]) -> Option<Vec<usize>> {
        let Function::Ring(ring) = &self.function else { return None };
        let key = self.tag.map_or(key, |tag| tag.of(key));
        let preferred = ring.replicas(key, self.servers.len());
        Some(preferred.iter().map(|shard| self.servers[shard.index()]).collect())
    }

    /// A shard by chance: Steele et al.'s SplitMix64 over a counter.
    fn chance(&self) -> usize {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.turn.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % self.servers.len() as u64) as usize
    }
}
