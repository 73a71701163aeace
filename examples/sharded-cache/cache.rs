//! One cache: so many entries, of which the one that was not wanted for longest goes first.

use std::collections::{BTreeMap, HashMap};

/// The number of a key.
pub type Key = u32;

/// A cache in memory, as one shard has it; least recently used goes first.
#[derive(Clone, Debug)]
pub struct Cache {
    room: usize,
    /// When each key was wanted last, and the same the other way round.
    wanted: HashMap<Key, u64>,
    order: BTreeMap<u64, Key>,
    now: u64,
}

impl Cache {
    /// With room for so many entries, and none in it.
    pub fn new(room: usize) -> Self {
        Self { room, wanted: HashMap::new(), order: BTreeMap::new(), now: 0 }
    }

    /// Whether it has the key; nothing is changed.
    pub fn has(&self, key: Key) -> bool {
        self.wanted.contains_key(&key)
    }

    /// Whether it had the key; it has it now.
    pub fn ask(&mut self, key: Key) -> bool {
        self.now += 1;
        let before = self.wanted.insert(key, self.now);
        if let Some(before) = before {
            self.order.remove(&before);
        }
        self.order.insert(self.now, key);
        if self.order.len() > self.room
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.wanted.remove(&oldest);
        }
        before.is_some()
    }

    /// Loses everything, as a process does that is killed.
    pub fn lose(&mut self) {
        self.wanted.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    #[test]
    fn what_was_not_wanted_for_longest_goes_first() {
        let mut cache = Cache::new(2);
        assert_eq!([1, 2, 1, 3].map(|key| cache.ask(key)), [false, false, true, false]);
        assert_eq!([1, 2, 3].map(|key| cache.has(key)), [true, false, true]);
        cache.lose();
        assert!(!cache.ask(1));
    }
}
