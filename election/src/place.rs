//! Who is before whom, as one watch tells.

use std::collections::BTreeMap;

use bytes::Bytes;
use entourage_core::planted;
use entourage_store::{Change, Entry, Version};

/// Where a contender stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The watch has not come to the contender's key yet.
    Unseen,
    /// Nobody is before it.
    First,
    /// So many are before it.
    Behind(usize),
    /// Its key was there and is no more.
    Gone,
}

/// A contender's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contender {
    pub(crate) created: Version,
    /// Whether nobody else was there when it came, as the watch showed it.
    pub(crate) came_alone: bool,
    pub(crate) version: Version,
    pub(crate) value: Bytes,
}

/// The contenders in the order in which they came, as of one version.
///
/// The order is that of creation, as etcd's own tools have it; the keys of one commit are
/// ordered by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    contenders: BTreeMap<String, Contender>,
    /// What a listing showed already; changes up to it are old news.
    base: Version,
    through: Version,
    /// When the place of the first was left, the last time that this was seen.
    vacated: Version,
    /// Whether changes were missed, so that a listing must tell.
    stale: bool,
}

impl Queue {
    /// The contenders of a listing that stood at `as_of`.
    pub(crate) fn of(entries: Vec<Entry>, as_of: Version) -> Self {
        let mut queue = Self { base: as_of, through: as_of, ..Self::default() };
        entries.into_iter().for_each(|entry| queue.put(entry));
        // A listing tells who is there, and not who was.
        queue.contenders.values_mut().for_each(|listed| listed.came_alone = false);
        queue
    }

    /// Takes a change in.
    pub(crate) fn apply(&mut self, change: Change) {
        let version = change.version();
        if version > self.base {
            match change {
                Change::Put(entry) => self.put(entry),
                Change::Delete { key, .. } => {
                    if self.first().is_some_and(|(first, _)| *first == key) {
                        self.vacated = version;
                    }
                    self.contenders.remove(&key);
                }
                _ => self.stale = true,
            }
            self.through = self.through.max(version);
        }
    }

    /// Whether changes were missed: what it says is worth nothing until it is listed again.
    pub(crate) const fn is_stale(&self) -> bool {
        self.stale
    }

    /// The version up to which everything is in.
    pub(crate) const fn through(&self) -> Version {
        self.through
    }

    /// Where the contender stands whose key was created at `created`.
    pub(crate) fn place(&self, key: &str, created: Version) -> Place {
        if self.stale || self.through < created {
            return Place::Unseen;
        }
        if self.contenders.get(key).is_none_or(|own| own.created != created) {
            return Place::Gone;
        }
        let before =
            |(other, found): &(&String, &Contender)| (found.created, other.as_str()) < (created, key);
        match self.contenders.iter().filter(before).count() {
            0 => Place::First,
            _ if planted("election-ignores-the-queue") => Place::First,
            before => Place::Behind(before),
        }
    }

    /// Whether nobody was there when the contender came whose key was created at `created`.
    ///
    /// To be first by now is less: whoever was there may have been granted, and be gone again.
    pub(crate) fn came_alone(&self, key: &str, created: Version) -> bool {
        self.contenders.get(key).is_some_and(|own| own.created == created && own.came_alone)
    }

    /// Whether somebody else is there, as far as is known.
    pub(crate) fn has_others(&self, own: &str) -> bool {
        self.stale || self.contenders.keys().any(|key| key != own)
    }

    /// How many are before the contender with this key, if it is there as far as is known.
    pub(crate) fn ahead_of(&self, key: &str) -> Option<usize> {
        match self.place(key, self.contenders.get(key)?.created) {
            Place::First => Some(0),
            Place::Behind(before) => Some(before),
            Place::Unseen | Place::Gone => None,
        }
    }

    /// How many are there, as far as is known.
    pub(crate) fn len(&self) -> usize {
        self.contenders.len()
    }

    /// When the place of the first was left, the last time that this was seen: by that commit the
    /// next may have been granted. A listing does not show it, and says [`Version::ZERO`].
    pub(crate) const fn vacated(&self) -> Version {
        self.vacated
    }

    /// Who is first once the contender with this key is gone, if that is first now.
    pub(crate) fn next_after(&self, key: &str, created: Version) -> Option<(&String, &Contender)> {
        if self.place(key, created) != Place::First {
            return None;
        }
        let others = self.contenders.iter().filter(|(other, _)| *other != key);
        others.min_by_key(|(other, found)| (found.created, other.as_str()))
    }

    /// Who is first.
    pub(crate) fn first(&self) -> Option<(&String, &Contender)> {
        self.contenders.iter().min_by_key(|(key, found)| (found.created, key.as_str()))
    }

    fn put(&mut self, entry: Entry) {
        let Entry { key, value, version, created } = entry;
        let known = self.contenders.get(&key).filter(|known| known.created == created);
        let came_alone =
            known.map_or_else(|| self.contenders.keys().all(|other| *other == key), |k| k.came_alone);
        self.contenders.insert(key, Contender { created, came_alone, version, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn version(number: u64) -> Version {
        Version::new(number)
    }

    fn entry(key: &str, created: u64, written: u64) -> Entry {
        let (version, created) = (version(written), version(created));
        Entry { key: key.to_owned(), value: Bytes::new(), version, created }
    }

    fn put(key: &str, created: u64, written: u64) -> Change {
        Change::Put(entry(key, created, written))
    }

    fn delete(key: &str, at: u64) -> Change {
        Change::Delete { key: key.to_owned(), version: version(at) }
    }

    #[test]
    fn the_place_follows_the_order_of_creation() {
        let mut queue = Queue::of(vec![entry("n/b", 3, 9), entry("n/c", 5, 5)], version(10));
        assert_eq!(queue.place("n/a", version(11)), Place::Unseen);
        queue.apply(put("n/a", 11, 11));
        assert_eq!(queue.place("n/a", version(11)), Place::Behind(2));
        queue.apply(delete("n/c", 12));
        assert_eq!(queue.place("n/a", version(11)), Place::Behind(1));
        // Writing its value again costs nobody a place.
        queue.apply(put("n/b", 3, 13));
        assert_eq!(queue.place("n/a", version(11)), Place::Behind(1));
        queue.apply(delete("n/b", 14));
        assert_eq!(queue.place("n/a", version(11)), Place::First);
        queue.apply(delete("n/a", 15));
        assert_eq!(queue.place("n/a", version(11)), Place::Gone);
    }

    #[test]
    fn a_key_that_was_created_again_has_lost_its_place() {
        let mut queue = Queue::of(vec![entry("n/a", 3, 3)], version(3));
        queue.apply(delete("n/a", 4));
        queue.apply(put("n/a", 5, 5));
        assert_eq!(queue.place("n/a", version(3)), Place::Gone);
        assert_eq!(queue.place("n/a", version(5)), Place::First);
    }

    #[test]
    fn who_is_first_by_now_did_not_come_alone() {
        let mut queue = Queue::of(vec![entry("n/b", 3, 3)], version(5));
        queue.apply(put("n/a", 6, 6));
        queue.apply(delete("n/b", 7));
        assert_eq!(queue.place("n/a", version(6)), Place::First);
        assert!(!queue.came_alone("n/a", version(6)));
        queue.apply(delete("n/a", 8));
        queue.apply(put("n/a", 9, 9));
        queue.apply(put("n/c", 10, 10));
        queue.apply(put("n/a", 9, 11));
        assert!(queue.came_alone("n/a", version(9)) && !queue.came_alone("n/c", version(10)));
        assert!(!Queue::of(vec![entry("n/a", 9, 9)], version(12)).came_alone("n/a", version(9)));
    }

    #[test]
    fn an_old_deletion_does_not_undo_a_new_key() {
        let mut queue = Queue::of(vec![entry("n/a", 3, 3)], version(3));
        // Created anew at 5, which the watch has not come to yet.
        assert_eq!(queue.place("n/a", version(5)), Place::Unseen);
        queue.apply(delete("n/a", 4));
        assert_eq!(queue.place("n/a", version(5)), Place::Unseen);
        queue.apply(put("n/a", 5, 5));
        assert_eq!(queue.place("n/a", version(5)), Place::First);
    }

    #[test]
    fn when_the_first_went_is_known_and_a_listing_forgets_it() {
        let mut queue = Queue::of(vec![entry("n/b", 3, 3), entry("n/c", 5, 5)], version(5));
        queue.apply(put("n/a", 6, 6));
        assert_eq!(queue.vacated(), Version::ZERO);
        queue.apply(delete("n/c", 7));
        assert_eq!(queue.vacated(), Version::ZERO);
        queue.apply(delete("n/b", 8));
        assert_eq!(queue.vacated(), version(8));
        // Whoever is first by now may have been granted by another commit, and be gone again.
        assert_eq!(Queue::of(vec![entry("n/a", 6, 6)], version(9)).vacated(), Version::ZERO);
    }

    #[test]
    fn only_who_is_first_knows_who_is_next() {
        let mut queue = Queue::of(vec![entry("n/b", 3, 3)], version(3));
        let next = |queue: &Queue, key, created| {
            queue.next_after(key, version(created)).map(|(key, next)| (key.clone(), next.created))
        };
        assert_eq!(next(&queue, "n/b", 3), None);
        queue.apply(put("n/c", 5, 5));
        queue.apply(put("n/a", 6, 6));
        assert_eq!(next(&queue, "n/b", 3), Some(("n/c".to_owned(), version(5))));
        assert_eq!(next(&queue, "n/c", 5), None);
        // Its key was created anew: it knows nothing of the place that it has now.
        assert_eq!(next(&queue, "n/b", 2), None);
        queue.apply(Change::Resync { as_of: version(20) });
        assert_eq!(next(&queue, "n/b", 3), None);
    }

    #[test]
    fn after_a_gap_nobody_knows_its_place_until_it_is_listed() {
        let mut queue = Queue::of(vec![entry("n/a", 3, 3)], version(3));
        assert_eq!(queue.place("n/a", version(3)), Place::First);
        queue.apply(Change::Resync { as_of: version(20) });
        assert!(queue.is_stale());
        assert_eq!(queue.place("n/a", version(3)), Place::Unseen);
        assert!(queue.has_others("n/a"));

        let mut listed = Queue::of(vec![entry("n/a", 3, 3), entry("n/b", 25, 25)], version(30));
        // What the listing showed already is not taken in twice.
        listed.apply(put("n/c", 21, 21));
        assert_eq!(listed.place("n/b", version(25)), Place::Behind(1));
        assert_eq!(listed.first().unwrap().0, "n/a");
    }
}
