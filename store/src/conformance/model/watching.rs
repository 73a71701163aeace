//! A client's watch, and what it must show.

use super::log::{Changes, Log};
use crate::{Change, Entry, Version, conformance::Observer};

/// A watch and how far it has come.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) client: usize,
    pub(crate) prefix: &'static str,
    pub(crate) observer: Observer,
    /// All changes up to here were handed out, or were never to be.
    through: Version,
    /// What of the commit after `through` was handed out.
    part: Changes,
}

impl Watching {
    pub(crate) const fn new(client: usize, prefix: &'static str, observer: Observer, after: Version) -> Self {
        Self { client, prefix, observer, through: after, part: Changes::new() }
    }

    /// How many changes it has yet to show.
    pub(crate) fn left(&self, log: &Log) -> usize {
        let all: usize = log.after(self.through, self.prefix).iter().map(|(_, changes)| changes.len()).sum();
        all - self.part.len()
    }

    /// Compares the change that it showed next with the log, and its position after that.
    pub(crate) fn check(&mut self, change: Change, log: &Log, history: usize) -> Result<(), String> {
        let pending = log.after(self.through, self.prefix);
        let (key, entry): (String, Option<Entry>) = match change {
            Change::Resync { as_of } => return self.resync(as_of, log, history),
            Change::Delete { ref key, .. } => (key.clone(), None),
            Change::Put(ref entry) => (entry.key.clone(), Some(entry.clone())),
        };
        let Some((version, changes)) = pending.first() else {
            return Err(format!("a watch of {:?} showed {change:?}, and nothing changed", self.prefix));
        };
        let fits = change.version() == *version && changes.get(&key) == Some(&entry);
        if !fits || self.part.insert(key, entry).is_some() {
            return Err(format!(
                "a watch of {:?} showed {change:?} in place of {:?}",
                self.prefix, pending[0]
            ));
        }
        if self.part.len() == changes.len() {
            (self.through, self.part) = (*version, Changes::new());
        }
        self.check_position(log)
    }

    fn resync(&mut self, as_of: Version, log: &Log, history: usize) -> Result<(), String> {
        let missed: usize = log.after(self.through, "").iter().map(|(_, changes)| changes.len()).sum();
        if missed <= history || as_of <= self.through {
            let since = self.through;
            return Err(format!("a watch was told to resync as of {as_of}, {missed} changes after {since}"));
        }
        (self.through, self.part) = (as_of, Changes::new());
        self.check_position(log)
    }

    /// A position misses nothing and repeats no whole commit.
    pub(crate) fn check_position(&self, log: &Log) -> Result<(), String> {
        let position = self.observer.position();
        let pending = log.after(self.through, self.prefix);
        let next = pending.first().map(|(version, _)| *version);
        if position < self.through || next.is_some_and(|next| position >= next) {
            let (prefix, through) = (self.prefix, self.through);
            return Err(format!(
                "a watch of {prefix:?} is at {position}, having shown all up to {through} and before {next:?}"
            ));
        }
        Ok(())
    }
}
