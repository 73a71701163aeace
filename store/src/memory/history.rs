//! The latest changes, bounded.

use std::collections::VecDeque;

use crate::{
    entry::Version,
    feed::{Batch, Feed},
    watch::Change,
};

/// The latest changes of a store, whole commits at a time.
#[derive(Debug)]
pub(crate) struct History {
    changes: VecDeque<Change>,
    bytes: usize,
    limit: usize,
    /// Changes up to this commit are gone.
    floor: Version,
}

impl History {
    /// Bytes of keys and values that a history keeps at most, beyond its latest commit.
    pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;

    pub(crate) const fn new(limit: usize) -> Self {
        Self { changes: VecDeque::new(), bytes: 0, limit, floor: Version::ZERO }
    }

    pub(crate) fn push(&mut self, change: Change) {
        self.bytes = self.bytes.saturating_add(weight(&change));
        self.changes.push_back(change);
    }

    /// Drops the oldest commits that are too many; the latest one always stays.
    pub(crate) fn trim(&mut self) {
        let latest = self.changes.back().map(Change::version);
        while self.changes.len() > self.limit || self.bytes > Self::MAX_BYTES {
            let oldest = self.changes.front().map(Change::version);
            if oldest == latest {
                return;
            }
            while self.changes.front().map(Change::version) == oldest {
                let Some(change) = self.changes.pop_front() else { return };
                self.floor = change.version();
                self.bytes = self.bytes.saturating_sub(weight(&change));
            }
        }
    }

    /// What changed below `prefix` after `after`, of a store whose latest commit is `latest`.
    pub(crate) fn read(&self, prefix: &str, after: Version, latest: Version) -> Batch {
        if after < self.floor || after > latest {
            // Also a version that this store has not reached: whatever the watcher knows, it
            // is not from here.
            return Batch { changes: vec![Change::Resync { as_of: latest }], through: latest };
        }
        let mut found: Vec<Change> = Vec::new();
        let first = self.changes.partition_point(|change| change.version() <= after);
        for change in self.changes.range(first..) {
            if let Some(last) = found.last()
                && found.len() >= Feed::BATCH
                && change.version() > last.version()
            {
                let through = last.version();
                return Batch { changes: found, through };
            }
            if change.key().is_some_and(|key| key.starts_with(prefix)) {
                found.push(change.clone());
            }
        }
        Batch { changes: found, through: latest }
    }
}

fn weight(change: &Change) -> usize {
    let value = match change {
        Change::Put(entry) => entry.value.len(),
        _ => 0,
    };
    change.key().map_or(0, str::len).saturating_add(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delete(version: u64) -> Change {
        Change::Delete { key: format!("k/{version}"), version: Version::new(version) }
    }

    fn history(limit: usize, versions: &[u64]) -> History {
        let mut history = History::new(limit);
        for version in versions {
            history.push(delete(*version));
            history.trim();
        }
        history
    }

    fn read(history: &History, after: u64, latest: u64) -> (Vec<u64>, u64) {
        let batch = history.read("k/", Version::new(after), Version::new(latest));
        let versions = batch.changes.iter().map(|change| change.version().number()).collect();
        (versions, batch.through.number())
    }

    #[test]
    fn what_was_dropped_is_never_passed_in_silence() {
        let history = history(2, &[1, 2, 5]);
        assert_eq!(
            history.read("", Version::ZERO, Version::new(6)).changes,
            [Change::Resync { as_of: Version::new(6) }]
        );
        assert_eq!(read(&history, 1, 6), (vec![2, 5], 6));
        assert_eq!(read(&history, 5, 6), (vec![], 6));
    }

    #[test]
    fn a_version_from_the_future_is_answered_with_a_resync() {
        let batch = history(2, &[1]).read("", Version::new(9), Version::new(1));
        assert_eq!(batch.changes, [Change::Resync { as_of: Version::new(1) }]);
    }

    #[test]
    fn a_commit_is_dropped_whole_and_the_latest_never() {
        let mut history = history(2, &[1]);
        for _ in 0..5 {
            history.push(delete(2));
        }
        history.trim();
        assert_eq!(read(&history, 1, 2), (vec![2; 5], 2));
        history.push(delete(3));
        history.trim();
        assert_eq!(read(&history, 2, 3), (vec![3], 3));
        assert!(matches!(
            history.read("", Version::new(1), Version::new(3)).changes[..],
            [Change::Resync { .. }]
        ));
    }

    #[test]
    fn a_batch_ends_between_commits() {
        let mut versions: Vec<u64> = (1..=Feed::BATCH as u64 - 1).collect();
        versions.extend([70, 70, 70, 71]);
        let history = history(1000, &versions);
        let (first, through) = read(&history, 0, 80);
        assert_eq!((first.len(), through), (Feed::BATCH + 2, 70));
        assert_eq!(read(&history, through, 80), (vec![71], 80));
    }

    #[test]
    fn a_history_is_bounded_in_bytes_too() {
        let mut history = History::new(1000);
        for version in 1..=3 {
            let value = vec![0_u8; History::MAX_BYTES / 2].into();
            let (version, key) = (Version::new(version), "k".to_owned());
            history.push(Change::Put(crate::Entry { key, value, version, created: version }));
            history.trim();
        }
        assert_eq!(history.floor, Version::new(2));
    }
}
