//! Highest random weight: every server bids for the key, the best bid has it.

mod bid;
mod logarithm;

use entourage_core::planted;
use xxhash_rust::xxh3::xxh3_64;

use self::bid::Bid;
use crate::{
    Result, Server, ShardId, ShardingFunction,
    roster::{Roster, over_servers},
};

/// Places keys on named, weighted servers exactly by weight, and moves the fewest there can be.
///
/// A new server takes its part of the keys, evenly from all others; a removed one's keys spread
/// over all others by their weights; a changed weight moves keys to or from that server alone. A
/// look-up asks every server, so it costs a few nanoseconds each: take it for tens of servers,
/// and a [`Maglev`](crate::Maglev) or a [`ConsistentRing`](crate::ConsistentRing) for hundreds.
/// Shards are numbered by name, in the order of the names' bytes.
///
/// The bid of a server is `-log2(u) / weight` and the lowest wins, where `u` is the xxh3-64 of
/// the 16 bytes `xxh3_64(name)`, `xxh3_64(key)`, both little-endian, as a part of 2⁶⁴. The
/// logarithm is one of integers, with a table of this crate, and bids are compared as exact
/// fractions: no float, whose logarithm each platform rounds in its own way.
///
/// Sources: Thaler and Ravishankar, *Using Name-Based Mappings to Increase Hit Rates* (1998);
/// Schindelhauer and Schomaker, *Weighted Distributed Hash Tables* (2005).
///
/// ```
/// use entourage_sharding::{Rendezvous, ShardingFunction};
///
/// let function = Rendezvous::new([("small", 1), ("large", 3)])?;
/// let large = function.shard_of_server("large");
/// let count = (0..1_000).filter(|key: &i32| Some(function.shard(&key.to_be_bytes())) == large).count();
/// assert!((700..800).contains(&count));
/// # Ok::<_, entourage_sharding::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendezvous {
    /// By name.
    roster: Roster,
    /// The hash of each name.
    names: Vec<u64>,
}

impl Rendezvous {
    /// Over these servers, each with its weight.
    ///
    /// # Errors
    /// [`Error::NoShards`](crate::Error::NoShards), [`Error::UnnamedServer`](crate::Error::UnnamedServer),
    /// [`Error::ZeroWeight`](crate::Error::ZeroWeight) or [`Error::DuplicateServer`](crate::Error::DuplicateServer).
    ///
    /// ```
    /// use entourage_sharding::{Error, Rendezvous};
    ///
    /// assert_eq!(Rendezvous::new([("a", 1), ("b", 2)])?, Rendezvous::new([("b", 2), ("a", 1)])?);
    /// assert_eq!(Rendezvous::new([("a", 0)]), Err(Error::ZeroWeight { name: "a".to_owned() }));
    /// # Ok::<_, Error>(())
    /// ```
    pub fn new<N: Into<String>>(servers: impl IntoIterator<Item = (N, u32)>) -> Result<Self> {
        let roster = Roster::by_name(servers)?;
        let names = roster.servers().iter().zip(0..);
        let identity = |(server, place): (&Server, u64)| {
            if planted("rendezvous-bids-by-place") { place } else { xxh3_64(server.name().as_bytes()) }
        };
        let names = names.map(identity).collect();
        Ok(Self { roster, names })
    }

    /// Over servers of equal weight.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use entourage_sharding::{Rendezvous, ShardingFunction};
    ///
    /// assert_eq!(Rendezvous::of(["a", "b", "c"])?.shards(), 3);
    /// # Ok::<_, entourage_sharding::Error>(())
    /// ```
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Self> {
        Self::new(names.into_iter().map(|name| (name, 1)))
    }

    /// Every server's hash with this key, by name.
    fn hashes(&self, key: &[u8]) -> impl Iterator<Item = u64> {
        let key = xxh3_64(key).to_le_bytes();
        self.names.iter().map(move |name| {
            let mut both = [0; 16];
            both[..8].copy_from_slice(&name.to_le_bytes());
            both[8..].copy_from_slice(&key);
            xxh3_64(&both)
        })
    }

    /// All shards, the best bid for this key first.
    pub(crate) fn ranked(&self, key: &[u8]) -> Vec<ShardId> {
        let servers = self.servers().iter().map(Server::weight).enumerate();
        let bids =
            servers.zip(self.hashes(key)).map(|((server, weight), hash)| Bid::new(hash, weight, server));
        let mut bids: Vec<_> = bids.collect();
        bids.sort_unstable();
        bids.into_iter().map(|bid| ShardId::at(bid.server())).collect()
    }
}

over_servers!(Rendezvous, "Rendezvous::of([\"b\", \"a\"])");

impl ShardingFunction for Rendezvous {
    fn shard(&self, key: &[u8]) -> ShardId {
        let servers = self.servers().iter().map(Server::weight).enumerate();
        let mut best: Option<Bid> = None;
        for ((server, weight), hash) in servers.zip(self.hashes(key)) {
            // Most need no logarithm: with a lower hash and no more weight nobody bids better.
            if best.is_none_or(|best| !best.beats(hash, weight)) {
                let bid = Bid::new(hash, weight, server);
                best = Some(best.map_or(bid, |best| best.min(bid)));
            }
        }
        ShardId::at(best.expect("there is at least one server").server())
    }

    fn shards(&self) -> u32 {
        self.roster.shards()
    }
}
