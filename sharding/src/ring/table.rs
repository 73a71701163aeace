//! A ring's points, laid out to be found.

/// So many points are compared at once, without a branch.
const WINDOW: usize = 4;

/// Sorted points, and where those of each bucket of hashes begin.
///
/// There is about one point in a bucket, so a look-up reads one number, four hashes beside each
/// other and one owner, where a binary search over 1,600 points reads eleven far from each other
/// and guesses as many branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Of the points in order, then a window of the largest hash that there can be.
    hashes: Box<[u64]>,
    /// The server of each point, and that of the first once more behind the last.
    owners: Box<[u32]>,
    /// How many points are in the buckets before each bucket, and in all of them.
    starts: Box<[u32]>,
    /// A hash without its lowest so many bits is its bucket.
    shift: u32,
}

impl Table {
    /// Of at least one point; sorted.
    pub(super) fn new(points: &[(u64, u32)]) -> Self {
        let shift = u64::BITS - points.len().next_power_of_two().trailing_zeros().max(1);
        let mut starts = vec![0; (1 << (u64::BITS - shift)) + 1];
        for (hash, _) in points {
            starts[(hash >> shift) as usize + 1] += 1;
        }
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        let hashes = points.iter().map(|(hash, _)| *hash).chain([u64::MAX; WINDOW]).collect();
        let owners = points.iter().chain(points.first()).map(|(_, server)| *server).collect();
        Self { hashes, owners, starts: starts.into(), shift }
    }

    /// The number of the first point at or after the hash; that of all points where there is none.
    #[inline]
    pub(super) fn find(&self, hash: u64) -> usize {
        let bucket = (hash >> self.shift) as usize;
        let start = self.starts[bucket] as usize;
        let window = &self.hashes[start..start + WINDOW];
        // What is in later buckets is above the hash, and does not count.
        let below: usize = window.iter().map(|point| usize::from(*point < hash)).sum();
        if below < WINDOW {
            return start + below;
        }
        let rest = &self.hashes[start + WINDOW..self.starts[bucket + 1] as usize];
        start + WINDOW + rest.partition_point(|point| *point < hash)
    }

    /// The server of the first point at or after the hash, round the end.
    #[inline]
    pub(super) fn owner(&self, hash: u64) -> u32 {
        self.owners[self.find(hash)]
    }

    /// The hashes of the points, in order.
    pub(super) fn hashes(&self) -> &[u64] {
        &self.hashes[..self.hashes.len() - WINDOW]
    }

    /// The servers of the points, in order.
    pub(super) fn owners(&self) -> &[u32] {
        &self.owners[..self.owners.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points with all of these hashes, in order, each of a server of its own.
    fn table(hashes: &[u64]) -> Table {
        let mut points: Vec<_> = hashes.iter().copied().zip(0..).collect();
        points.sort_unstable();
        Table::new(&points)
    }

    #[test]
    fn the_first_point_at_or_after_a_hash_is_found_wherever_the_points_are() {
        let crowd: Vec<u64> = (1_000..1_300).collect();
        let ends = [0, 0, 1, u64::MAX - 1, u64::MAX, u64::MAX];
        let even: Vec<u64> = (0..1_000).map(|point| point * (u64::MAX / 999)).collect();
        for hashes in [&crowd[..], &ends, &even, &[7], &[0], &[u64::MAX], &[3; 20], &[u64::MAX; 20]] {
            let table = table(hashes);
            assert_eq!(table.hashes(), hashes);
            let around =
                hashes.iter().flat_map(|hash| [hash.saturating_sub(1), *hash, hash.saturating_add(1)]);
            for hash in around.chain([0, u64::MAX, u64::MAX / 2]) {
                let found = hashes.partition_point(|point| *point < hash);
                assert_eq!(table.find(hash), found, "{hash} among {} points", hashes.len());
                let owner = if found == hashes.len() { 0 } else { found };
                assert_eq!(table.owner(hash), table.owners()[owner]);
            }
        }
    }
}
