//! Names that are remembered for a while.

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher, Hash, RandomState},
    time::Duration,
};

use entourage_core::Moment;

use crate::memory::state::number::NumberMap;

/// Remembers names, and what belongs to them, for a time and up to a number.
///
/// A name is hashed once in its life, by a seeded hash that nobody outside can predict, and is
/// kept once, in the order of remembering; what finds it again is a map from hashes to places.
#[derive(Debug)]
pub(super) struct Window<K, V, S = RandomState> {
    hasher: S,
    places: NumberMap<u64>,
    /// Names whose hash was taken by another one: rare, but two names must not become one.
    doubles: HashSet<K, S>,
    order: VecDeque<Entry<K, V>>,
    /// How many names have been forgotten from the front: the place of the first.
    first: u64,
}

#[derive(Debug)]
struct Entry<K, V> {
    since: Moment,
    hash: u64,
    name: K,
    value: V,
}

impl<K: Clone + Eq + Hash, V, S: BuildHasher + Default> Window<K, V, S> {
    pub(super) fn new() -> Self {
        Self {
            hasher: S::default(),
            places: NumberMap::default(),
            doubles: HashSet::default(),
            order: VecDeque::new(),
            first: 0,
        }
    }

    pub(super) fn get(&self, name: &K) -> Option<&V> {
        let hash = self.hasher.hash_one(name);
        let entry = self.places.get(&hash).and_then(|place| self.entry(*place));
        match entry.filter(|entry| entry.name == *name) {
            None if self.doubles.contains(name) => self.order.iter().find(|entry| entry.name == *name),
            entry => entry,
        }
        .map(|entry| &entry.value)
    }

    /// Remembers a name that is not known; says whether it was new.
    pub(super) fn remember(&mut self, name: &K, value: V, now: Moment) -> bool {
        let hash = self.hasher.hash_one(name);
        let place = self.first + self.order.len() as u64;
        let found = *self.places.entry(hash).or_insert(place);
        if found != place {
            let is_known = self.entry(found).is_some_and(|entry| entry.name == *name);
            if is_known || !self.doubles.insert(name.clone()) {
                return false;
            }
        } else if !self.doubles.is_empty() && self.doubles.contains(name) {
            self.places.remove(&hash);
            return false;
        }
        self.order.push_back(Entry { since: now, hash, name: name.clone(), value });
        true
    }

    /// Forgets the name that was remembered last.
    pub(super) fn undo(&mut self) {
        if let Some(entry) = self.order.pop_back() {
            self.forget(&entry, self.first + self.order.len() as u64);
        }
    }

    /// Forgets what was remembered `window` ago or earlier.
    pub(super) fn expire(&mut self, window: Duration, now: Moment) {
        while self.order.front().is_some_and(|entry| entry.since + window <= now) {
            self.forget_first();
        }
    }

    /// Forgets the oldest beyond `most`.
    pub(super) fn shrink(&mut self, most: u64) {
        while self.order.len() as u64 > most {
            self.forget_first();
        }
    }

    fn entry(&self, place: u64) -> Option<&Entry<K, V>> {
        let index = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.order.get(index)
    }

    fn forget_first(&mut self) {
        if let Some(entry) = self.order.pop_front() {
            self.forget(&entry, self.first);
            self.first += 1;
        }
    }

    fn forget(&mut self, entry: &Entry<K, V>, place: u64) {
        if self.places.get(&entry.hash) == Some(&place) {
            self.places.remove(&entry.hash);
        } else {
            self.doubles.remove(&entry.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_name_is_known_until_the_window_is_over_and_not_at_its_end() {
        let mut window = Window::<&str, u8>::new();
        assert!(window.remember(&"a", 1, at(0)));
        assert!(!window.remember(&"a", 2, at(5)));
        window.expire(Duration::from_secs(10), at(9));
        assert_eq!(window.get(&"a"), Some(&1));
        window.expire(Duration::from_secs(10), at(10));
        assert_eq!(window.get(&"a"), None);
    }

    #[test]
    fn the_oldest_are_forgotten_beyond_the_number() {
        let mut window = Window::<u64, ()>::new();
        for name in 1..=3 {
            window.remember(&name, (), at(0));
        }
        window.shrink(2);
        assert!(window.get(&1).is_none() && window.get(&2).is_some() && window.get(&3).is_some());
    }

    #[test]
    fn what_was_undone_is_new_again() {
        let mut window = Window::<u64, ()>::new();
        window.remember(&1, (), at(0));
        window.undo();
        assert!(window.remember(&1, (), at(0)));
    }

    /// Hashes every name to the same number.
    #[derive(Debug, Default)]
    struct Same;

    impl BuildHasher for Same {
        type Hasher = std::hash::DefaultHasher;

        fn build_hasher(&self) -> Self::Hasher {
            std::hash::DefaultHasher::new()
        }

        fn hash_one<T>(&self, _: T) -> u64 {
            7
        }
    }

    #[test]
    fn names_of_one_hash_are_not_one_name() {
        let mut window = Window::<&str, u8, Same>::new();
        for (name, value) in [("a", 1), ("b", 2), ("c", 3)] {
            assert!(window.remember(&name, value, at(0)));
            assert!(!window.remember(&name, 9, at(0)));
        }
        assert_eq!((window.get(&"b"), window.get(&"d")), (Some(&2), None));
        window.undo();
        assert_eq!(window.get(&"c"), None);
        window.shrink(1);
        assert_eq!((window.get(&"a"), window.get(&"b")), (None, Some(&2)));
        assert!(!window.remember(&"b", 9, at(0)), "it is known although its hash is free");
        assert!(window.remember(&"a", 4, at(0)));
        window.shrink(0);
        assert!(window.places.is_empty() && window.doubles.is_empty());
    }
}
