//! Which keys no longer move.

use std::{
    collections::HashSet,
    hash::{BuildHasher, Hash, RandomState},
};

use entourage_core::planted;

/// So many keys are remembered, of those that are where they belong and of those that were not asked for:
/// 36 MiB each.
pub(super) const REMEMBERED: usize = 1 << 20;

/// Keys that no longer move, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Settled {
    hashers: [RandomState; 2],
    /// They are where they belong. Whichever is forgotten is asked for again, and is not at its old server.
    arrived: HashSet<u128>,
    /// They were used at their new server while the old one could not be asked for them. It may have
    /// them still: were one forgotten, what a client has deleted or written since would be undone.
    unasked: HashSet<u128>,
}

impl Settled {
    pub(super) fn has(&self, key: &[u8]) -> bool {
        let hash = self.hash(key);
        self.arrived.contains(&hash) || self.unasked.contains(&hash)
    }

    /// The key is where it belongs, and nowhere else.
    pub(super) fn arrive(&mut self, key: &[u8]) {
        if self.arrived.len() >= REMEMBERED {
            self.arrived.clear();
        }
        let hash = self.hash(key);
        self.arrived.insert(hash);
    }

    /// The key is used where it belongs, whatever its old server has of it.
    pub(super) fn give_up(&mut self, key: &[u8]) {
        if planted("warm-up-forgets-who-was-away") {
            return;
        }
        let hash = self.hash(key);
        self.unasked.insert(hash);
    }

    /// Whether no more keys can be given up: each has to be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.unasked.len() >= REMEMBERED
    }

    /// A hash that tells apart whatever there is, and that nobody outside can foresee.
    pub(super) fn hash<T: Hash + ?Sized>(&self, what: &T) -> u128 {
        let [high, low] = &self.hashers;
        u128::from(high.hash_one(what)) << 64 | u128::from(low.hash_one(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_remembered_however_much_arrives() {
        let mut settled = Settled::default();
        settled.give_up(b"away");
        (0..=REMEMBERED).for_each(|number| settled.arrive(&number.to_be_bytes()));
        assert!(settled.has(b"away"));
        assert!(!settled.has(&0_usize.to_be_bytes()), "what has arrived may be asked for again");
    }
}
