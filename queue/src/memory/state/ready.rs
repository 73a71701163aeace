//! What could be leased now.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use crate::item::Bundle;

/// A place in the order of leasing: higher priority first, then earlier publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    priority: Reverse<u8>,
    pub(super) sequence: u64,
}

impl Rank {
    pub(super) const fn new(priority: u8, sequence: u64) -> Self {
        Self { priority: Reverse(priority), sequence }
    }
}

/// The ready items of one group and topic, in order, and by bundle.
///
/// Items without a bundle are kept apart and make up a bundle of their own; they pay nothing
/// for the others' index.
#[derive(Debug, Default)]
pub(super) struct Ready {
    plain: BTreeSet<Rank>,
    bundled: BTreeSet<Rank>,
    bundles: HashMap<Bundle, BTreeSet<Rank>>,
    /// Bundles by how many are ready, then by the first of them. There are few sizes: n
    /// items make up at most √2n, so the oldest bundle that suffices is found quickly.
    sizes: BTreeMap<usize, BTreeMap<Rank, Bundle>>,
}

impl Ready {
    pub(super) fn len(&self) -> usize {
        self.plain.len() + self.bundled.len()
    }

    pub(super) fn insert(&mut self, rank: Rank, bundle: Option<&Bundle>) {
        let Some(bundle) = bundle else {
            self.plain.insert(rank);
            return;
        };
        self.unlist(bundle);
        self.bundled.insert(rank);
        self.bundles.entry(bundle.clone()).or_default().insert(rank);
        self.list(bundle);
    }

    pub(super) fn remove(&mut self, rank: Rank, bundle: Option<&Bundle>) {
        let Some(bundle) = bundle else {
            self.plain.remove(&rank);
            return;
        };
        self.unlist(bundle);
        self.bundled.remove(&rank);
        if let Some(ranks) = self.bundles.get_mut(bundle) {
            ranks.remove(&rank);
            if ranks.is_empty() {
                self.bundles.remove(bundle);
            }
        }
        self.list(bundle);
    }

    /// The first of all.
    pub(super) fn first(&self) -> Option<Rank> {
        match (self.plain.first(), self.bundled.first()) {
            (Some(plain), Some(bundled)) => Some(*plain.min(bundled)),
            (plain, bundled) => plain.or(bundled).copied(),
        }
    }

    /// The first of a bundle.
    pub(super) fn first_of(&self, bundle: Option<&Bundle>) -> Option<Rank> {
        let ranks = match bundle {
            Some(bundle) => self.bundles.get(bundle)?,
            None => &self.plain,
        };
        ranks.first().copied()
    }

    /// The bundle of at least so many items whose first comes first.
    pub(super) fn bundle_of_at_least(&self, items: usize) -> Option<Option<Bundle>> {
        let large_enough = self.sizes.range(items..);
        let bundled =
            large_enough.filter_map(|(_, bundles)| bundles.first_key_value()).min_by_key(|(rank, _)| **rank);
        let plain = self.plain.first().filter(|_| self.plain.len() >= items);
        match (plain, bundled) {
            (Some(plain), Some((rank, _))) if plain < rank => Some(None),
            (_, Some((_, bundle))) => Some(Some(bundle.clone())),
            (Some(_), None) => Some(None),
            (None, None) => None,
        }
    }

    fn list(&mut self, bundle: &Bundle) {
        if let Some(ranks) = self.bundles.get(bundle)
            && let Some(first) = ranks.first()
        {
            self.sizes.entry(ranks.len()).or_default().insert(*first, bundle.clone());
        }
    }

    fn unlist(&mut self, bundle: &Bundle) {
        if let Some(ranks) = self.bundles.get(bundle)
            && let Some(first) = ranks.first()
            && let Some(bundles) = self.sizes.get_mut(&ranks.len())
        {
            bundles.remove(first);
            if bundles.is_empty() {
                self.sizes.remove(&ranks.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(items: &[(u8, u64, Option<&str>)]) -> Ready {
        let mut ready = Ready::default();
        for (priority, sequence, bundle) in items {
            ready.insert(Rank::new(*priority, *sequence), bundle.map(Bundle::from).as_ref());
        }
        ready
    }

    #[test]
    fn priority_comes_before_age_and_bundles_change_neither() {
        let ready = ready(&[(0, 1, None), (0, 2, Some("a")), (3, 3, Some("b")), (3, 4, None)]);
        assert_eq!(ready.first(), Some(Rank::new(3, 3)));
        assert_eq!(ready.len(), 4);
    }

    #[test]
    fn the_oldest_bundle_that_suffices_is_found() {
        let mut ready =
            ready(&[(0, 1, Some("a")), (0, 2, Some("b")), (0, 3, None), (0, 4, None), (0, 5, Some("b"))]);
        assert_eq!(ready.bundle_of_at_least(1), Some(Some("a".into())));
        assert_eq!(ready.bundle_of_at_least(2), Some(Some("b".into())));
        ready.remove(Rank::new(0, 2), Some(&"b".into()));
        assert_eq!(ready.bundle_of_at_least(2), Some(None));
        assert_eq!(ready.first_of(None), Some(Rank::new(0, 3)));
        assert_eq!(ready.bundle_of_at_least(3), None);
    }

    #[test]
    fn nothing_is_left_behind_when_all_are_removed() {
        let mut ready = ready(&[(0, 1, Some("a")), (1, 2, Some("a")), (0, 3, None)]);
        ready.remove(Rank::new(1, 2), Some(&"a".into()));
        ready.remove(Rank::new(0, 1), Some(&"a".into()));
        ready.remove(Rank::new(0, 3), None);
        assert_eq!((ready.len(), ready.bundles.len(), ready.sizes.len()), (0, 0, 0));
    }
}
