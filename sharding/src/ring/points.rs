//! The places on a ring, and those of our own dialect.

use entourage_core::planted;
use xxhash_rust::xxh3::xxh3_64;

use super::decimal::Suffix;
use crate::{Error, Result, roster::Roster};

/// How many points a server has on the ring for each unit of its weight.
///
/// Part of the frozen default: it will not change within a major version.
pub const DEFAULT_POINTS_PER_WEIGHT: u32 = 160;

/// How many points a ring may have: so many take 64 MiB, and as much again while they are sorted.
pub const MAX_POINTS: usize = 1 << 22;

/// The hash and the server of each point, sorted by both; of equal hashes the lower server's
/// counts.
#[derive(Debug)]
pub(super) struct Points(Vec<(u64, u32)>);

impl Points {
    /// Room for so many, if they are not too many.
    pub(super) fn with_room_for(points: u128) -> Result<Self> {
        match usize::try_from(points) {
            Ok(points) if points <= MAX_POINTS => Ok(Self(Vec::with_capacity(points))),
            _ => Err(Error::TooManyPoints { points, limit: MAX_POINTS }),
        }
    }

    pub(super) fn push(&mut self, hash: u64, server: u32) {
        self.0.push((hash, server));
    }

    /// Without those that stand where a lower server has one.
    pub(super) fn without_shadowed(self) -> Self {
        let mut points = self.into_sorted();
        points.dedup_by_key(|(hash, _)| *hash);
        Self(points)
    }

    pub(super) fn into_sorted(self) -> Vec<(u64, u32)> {
        let Self(mut points) = self;
        points.sort_unstable();
        points
    }
}

/// A hash of 32 bits as one of 64, in the same order.
pub(super) const fn widen(hash: u32) -> u64 {
    (hash as u64) << u32::BITS
}

/// All points of these servers in our own dialect.
///
/// A server's points depend on its name and on nothing else, least of all on the
/// other servers; so whoever stays keeps its points. The index is a suffix in decimal
/// and not xxh3's seed: with seeds 0..160, `srv00ams` and `srv13ams` would share 80 of
/// their 160 points, since the hash folds its seed into the two bytes that differ.
pub(super) fn own(roster: &Roster, per_weight: u32) -> Result<Points> {
    let mut points = Points::with_room_for(u128::from(roster.weight()) * u128::from(per_weight))?;
    for (server, number) in roster.servers().iter().zip(0..) {
        let mut text = match planted("points-by-position") {
            true => Suffix::new(&number.to_string()),
            false => Suffix::new(server.name()),
        };
        for _ in 0..u64::from(server.weight()) * u64::from(per_weight) {
            points.push(xxh3_64(text.bytes()), number);
            text.advance();
        }
    }
    Ok(points)
}
