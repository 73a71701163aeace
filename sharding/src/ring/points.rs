use xxhash_rust::xxh3::xxh3_64;

use super::Server;

/// How many points a server has on the ring for each unit of its weight.
///
/// Part of the frozen default: it will not change within a major version.
pub const DEFAULT_POINTS_PER_WEIGHT: u32 = 160;

/// How many points a ring may have: with 16 bytes each, 64 MiB.
pub const MAX_POINTS: usize = 1 << 22;

/// One place on the ring. Sorted by hash; of equal hashes the lower server's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    hash: u64,
    server: u32,
}

impl Point {
    pub(super) const fn hash(self) -> u64 {
        self.hash
    }

    pub(super) const fn server(self) -> usize {
        self.server as usize
    }
}

/// All points of these servers, in the order of the ring.
///
/// A server's points depend on its name and on nothing else, least of all on the
/// other servers; so whoever stays keeps its points. The index is a suffix in decimal
/// and not xxh3's seed: with seeds 0..160, `srv00ams` and `srv13ams` would share 80 of
/// their 160 points, since the hash folds its seed into the two bytes that differ.
pub(super) fn of(servers: &[Server], points_per_weight: u32) -> Vec<Point> {
    let mut points = Vec::new();
    let mut text = Vec::new();
    for (server, number) in servers.iter().zip(0..) {
        for index in 0..u64::from(server.weight()) * u64::from(points_per_weight) {
            text.clear();
            text.extend_from_slice(server.name().as_bytes());
            text.push(b'-');
            text.extend_from_slice(index.to_string().as_bytes());
            points.push(Point { hash: xxh3_64(&text), server: number });
        }
    }
    points.sort_unstable();
    points
}
