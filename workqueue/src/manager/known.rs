//! Which names are known, and when the source last listed them.

use std::collections::HashMap;

use crate::source::{Finish, ItemName};

/// What a name in a listing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// It is in the ledger, and in the queue for all that is known.
    Known,
    /// It is in the ledger, and has ended like this.
    Finished(Finish),
    /// It is to be published, and counts as known from now on.
    New,
    /// It is new, and there is no room for another name.
    Beyond,
}

/// The names in the ledger, as this process knows them: the other side of the difference.
#[derive(Debug)]
pub(super) struct Known {
    most: usize,
    listing: u64,
    names: HashMap<ItemName, Seen>,
}

/// What is known of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// The last listing that had it.
    listed: u64,
    /// How it ended, if the ledger was read since.
    finish: Option<Finish>,
}

impl Known {
    /// Knows nothing, and never more than `most` names from listings.
    pub(super) fn new(most: usize) -> Self {
        Self { most, listing: 0, names: HashMap::new() }
    }

    /// Takes over what the ledger has, and forgets what it has not.
    ///
    /// A name that is new here counts as listed just now: whoever has just begun knows nothing
    /// of what the source has listed before.
    pub(super) fn reload(&mut self, ledger: impl Iterator<Item = (ItemName, Option<Finish>)>) {
        let before = std::mem::take(&mut self.names);
        self.names = ledger
            .map(|(name, finish)| {
                let listed = before.get(&name).map_or(self.listing, |seen| seen.listed);
                (name, Seen { listed, finish })
            })
            .collect();
    }

    /// A listing begins that has all there is.
    ///
    /// One that may lack something is no beginning: what it has counts as listed, and what it
    /// has not is not missing.
    pub(super) const fn begin(&mut self) {
        self.listing += 1;
    }

    /// The listing names `name`.
    pub(super) fn see(&mut self, name: &ItemName) -> Sight {
        if let Some(seen) = self.names.get_mut(name) {
            seen.listed = self.listing;
            return seen.finish.map_or(Sight::Known, Sight::Finished);
        }
        if self.names.len() >= self.most {
            return Sight::Beyond;
        }
        self.names.insert(name.clone(), Seen { listed: self.listing, finish: None });
        Sight::New
    }

    /// Up to `limit` names that the last `listings` listings did not have.
    pub(super) fn missing(&self, listings: u32, limit: usize) -> Vec<ItemName> {
        let gone = |listed: u64| listed + u64::from(listings) <= self.listing;
        let names = self.names.iter().filter(|(_, seen)| gone(seen.listed));
        names.map(|(name, _)| name.clone()).take(limit).collect()
    }

    /// The ledger says how `name` ended.
    pub(super) fn finish(&mut self, name: &ItemName, finish: Finish) {
        if let Some(seen) = self.names.get_mut(name) {
            seen.finish = Some(finish);
        }
    }

    /// `name` is no longer in the ledger.
    pub(super) fn forget(&mut self, name: &ItemName) {
        self.names.remove(name);
    }

    /// How many names are known.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ItemName {
        ItemName::new(text).unwrap()
    }

    #[test]
    fn a_name_is_new_once() {
        let mut known = Known::new(10);
        known.begin();
        assert_eq!(known.see(&name("a")), Sight::New);
        assert_eq!(known.see(&name("a")), Sight::Known);
        known.begin();
        assert_eq!(known.see(&name("a")), Sight::Known);
    }

    #[test]
    fn a_name_is_missing_after_so_many_listings_in_a_row_without_it() {
        let mut known = Known::new(10);
        known.reload([(name("old"), None)].into_iter());
        for _ in 0..2 {
            known.begin();
            known.see(&name("listed"));
            assert!(known.missing(3, 10).is_empty());
        }
        known.begin();
        assert_eq!(known.missing(3, 10), [name("old")]);
        known.see(&name("old"));
        assert!(!known.missing(3, 10).contains(&name("old")));
    }

    #[test]
    fn no_more_names_are_known_than_allowed() {
        let mut known = Known::new(2);
        known.begin();
        let seen = ["a", "b", "c"].map(|text| known.see(&name(text)));
        assert_eq!(seen, [Sight::New, Sight::New, Sight::Beyond]);
        known.forget(&name("a"));
        assert_eq!(known.see(&name("c")), Sight::New);
        assert_eq!(known.len(), 2);
    }

    #[test]
    fn a_reload_forgets_what_the_ledger_has_not() {
        let mut known = Known::new(10);
        known.begin();
        known.see(&name("gone"));
        known.see(&name("kept"));
        known.begin();
        known.reload([(name("kept"), Some(Finish::Done)), (name("new"), None)].into_iter());
        assert_eq!(known.see(&name("new")), Sight::Known);
        // What was just taken over counts as listed now.
        assert_eq!(known.missing(1, 10), [name("kept")]);
        assert_eq!(known.see(&name("gone")), Sight::New);
        assert_eq!(known.see(&name("kept")), Sight::Finished(Finish::Done));
    }
}
