//! The commits that must have happened, in order, and what was said about their versions.

use std::collections::BTreeMap;

use crate::{Change, Entry, Version};

/// What one commit did: each key with what stands there since, `None` for a delete.
pub(crate) type Changes = BTreeMap<String, Option<Entry>>;

/// One commit.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    /// Unknown while nobody has said it: the end of a session answers no call.
    pub(crate) version: Option<Version>,
    /// Whether it ends an expired session. Nobody sees the keys from the deadline on, but the
    /// commit that deletes them may come as late as just before the next one.
    late: bool,
    pub(crate) changes: Changes,
}

/// Every commit so far.
///
/// Versions are learned from the store's answers rather than predicted, because a store may
/// number commits of its own in between; that they are in order is checked.
#[derive(Debug, Default)]
pub(crate) struct Log {
    commits: Vec<Commit>,
    /// With how many commits the store said that a version was the latest.
    said: Vec<(usize, Version)>,
    /// Every version that was seen.
    seen: Vec<Version>,
    floor: Version,
}

impl Log {
    /// A transaction that the store says it committed in `version`.
    pub(crate) fn commit(&mut self, version: Version, changes: Changes) -> Result<(), String> {
        if version <= self.floor {
            return Err(format!("a commit has version {version}, but {} was seen before", self.floor));
        }
        self.see(version);
        self.commits.push(Commit { version: Some(version), late: false, changes });
        Ok(())
    }

    /// The end of a session with these keys, in a commit that nobody has seen yet.
    pub(crate) fn end(&mut self, keys: impl IntoIterator<Item = String>, late: bool) {
        let changes: Changes = keys.into_iter().map(|key| (key, None)).collect();
        if !changes.is_empty() {
            self.commits.push(Commit { version: None, late, changes });
        }
    }

    /// The store says that `version` is the latest.
    pub(crate) fn latest_is(&mut self, version: Version) -> Result<(), String> {
        if version < self.floor {
            return Err(format!(
                "the latest version is said to be {version}, but {} was seen before",
                self.floor
            ));
        }
        self.see(version);
        self.said.push((self.commits.len(), version));
        Ok(())
    }

    pub(crate) fn commits(&self) -> &[Commit] {
        &self.commits
    }

    fn see(&mut self, version: Version) {
        if self.floor < version {
            self.floor = version;
            self.seen.push(version);
        }
    }

    /// One of the versions that were seen, mostly a late one.
    pub(crate) fn version(&self, number: usize) -> Version {
        let among = if number.is_multiple_of(7) { self.seen.len() } else { self.seen.len().min(12) };
        let place = self.seen.len().checked_sub(1 + number % among.max(1));
        place.map_or(Version::ZERO, |place| self.seen[place])
    }

    /// Compares what a watch of everything showed with the commits from `first` on, and learns
    /// the versions of those that end sessions.
    pub(crate) fn learn(&mut self, first: usize, shown: &[Change]) -> Result<(), String> {
        let mut rest = shown;
        let mut place = first;
        while place < self.commits.len() {
            let unknown = self.commits[place..].iter().take_while(|commit| commit.version.is_none()).count();
            let batch = unknown.max(1);
            let count = self.commits[place..place + batch].iter().map(|commit| commit.changes.len()).sum();
            let (now, later) = rest.split_at(count);
            if unknown == 0 {
                compare(&self.commits[place], now)?;
            } else {
                self.learn_ends(place..place + batch, now)?;
            }
            (rest, place) = (later, place + batch);
        }
        Ok(())
    }

    /// Sessions that ended with no transaction in between may share a commit, but the keys of
    /// one never end in two.
    fn learn_ends(&mut self, places: std::ops::Range<usize>, shown: &[Change]) -> Result<(), String> {
        for commit in &mut self.commits[places] {
            let (mine, _): (Vec<_>, Vec<_>) = shown
                .iter()
                .cloned()
                .partition(|change| change.key().is_some_and(|key| commit.changes.contains_key(key)));
            commit.version = mine.first().map(Change::version);
            compare(commit, &mine)?;
        }
        for change in shown {
            self.see(change.version());
        }
        Ok(())
    }

    /// Checks that all versions are in order, now that they are known.
    pub(crate) fn check_order(&self) -> Result<(), String> {
        for pair in self.commits.windows(2) {
            let both_end = pair.iter().all(|commit| commit.changes.values().all(Option::is_none));
            if pair[0].version > pair[1].version || (pair[0].version == pair[1].version && !both_end) {
                return Err(format!("commits are out of order: {:?} before {:?}", pair[0], pair[1]));
            }
        }
        for (count, said) in &self.said {
            let done = self.commits[..*count].iter().rev().find(|commit| !commit.late);
            let before = done.and_then(|commit| commit.version);
            let after = self.commits.get(*count).and_then(|commit| commit.version);
            if before.is_some_and(|before| before > *said) || after.is_some_and(|after| after <= *said) {
                return Err(format!(
                    "the latest version was said to be {said} between the commits {before:?} and {after:?}"
                ));
            }
        }
        Ok(())
    }

    /// The commits after a version that touch `prefix`, with those changes alone.
    pub(crate) fn after(&self, after: Version, prefix: &str) -> Vec<(Version, Changes)> {
        let first =
            self.commits.partition_point(|commit| commit.version.is_some_and(|version| version <= after));
        let mut found: Vec<(Version, Changes)> = Vec::new();
        for Commit { version, changes, .. } in &self.commits[first..] {
            let Some(version) = *version else { continue };
            let within: Changes = changes
                .iter()
                .filter(|(key, _)| key.starts_with(prefix))
                .map(|(k, e)| (k.clone(), e.clone()))
                .collect();
            match found.last_mut() {
                Some((last, all)) if *last == version => all.extend(within),
                _ if !within.is_empty() => found.push((version, within)),
                _ => {}
            }
        }
        found
    }
}

/// Whether these changes are all that a commit did.
fn compare(commit: &Commit, shown: &[Change]) -> Result<(), String> {
    let mut seen = Changes::new();
    for change in shown {
        let known = match change {
            Change::Put(entry) => seen.insert(entry.key.clone(), Some(entry.clone())),
            Change::Delete { key, .. } => seen.insert(key.clone(), None),
            Change::Resync { .. } => return Err(format!("a watch that kept up was told {change:?}")),
        };
        if known.is_some() || Some(change.version()) != commit.version {
            return Err(format!("a watch showed {change:?} for {commit:?}"));
        }
    }
    if seen == commit.changes { Ok(()) } else { Err(format!("a watch showed {seen:?} for {commit:?}")) }
}
