//! A partial result that knows what is in it.

use entourage_core::{Merge, planted};

use crate::{
    id_set::IdSet,
    payload::{Malformed, Payload, Reader, Writer},
    tombstone::{self, Tombstone},
};

/// A value together with the set of upstream ids that went into it.
///
/// Nothing is counted. Two contributions merge when their sets are disjoint, so a repeated
/// delivery adds nothing and a lost one is missed by name; the result is complete when the
/// set equals the manifest.
///
/// # Examples
/// ```
/// use entourage_core::Sum;
/// use entourage_workflow::{Absorbed, Contribution};
///
/// let mut total = Contribution::of(1, Sum(10));
/// assert_eq!(total.absorb(Contribution::of(2, Sum(5)))?, Absorbed::Merged);
/// assert_eq!(total.absorb(Contribution::of(2, Sum(5)))?, Absorbed::Duplicate);
/// total.absorb(Contribution::manifest(3))?;
/// assert_eq!(total.missing().map(|ids| ids.to_string()), Some("3".into()));
/// total.absorb(Contribution::tombstone(3, "unreadable"))?;
/// assert!(total.is_complete());
/// assert_eq!(total.value, Some(Sum(15)));
/// # Ok::<(), entourage_workflow::Conflict>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution<T> {
    /// The ids that went in, those of tombstones included.
    pub ids: IdSet,
    /// Those of them that brought nothing, by reason.
    pub tombstones: Vec<Tombstone>,
    /// The last id there is, once the source has closed.
    pub last: Option<u64>,
    /// The merged values; `None` if only tombstones and the manifest went in.
    pub value: Option<T>,
}

/// What became of a contribution that was absorbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// It was merged.
    Merged,
    /// Everything in it was there already: it was dropped.
    Duplicate,
}

/// Two contributions no merge of which can be right: there is a fault upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// They share some ids and not others.
    #[error("two contributions both hold the ids {ids} and differ in others")]
    Overlap {
        /// What both hold.
        ids: IdSet,
    },
    /// Their manifests differ.
    #[error("two contributions carry different manifests: 1 to {mine} and 1 to {theirs}")]
    Manifests {
        /// The last id of the one.
        mine: u64,
        /// The last id of the other.
        theirs: u64,
    },
    /// The manifest leaves out some of the ids.
    #[error("the ids {ids} are not in the manifest, 1 to {last}")]
    Beyond {
        /// Which.
        ids: IdSet,
        /// The last id of the manifest.
        last: u64,
    },
}

impl<T> Contribution<T> {
    /// The value of one id.
    pub fn of(id: u64, value: T) -> Self {
        Self { ids: IdSet::of(id), tombstones: Vec::new(), last: None, value: Some(value) }
    }

    /// The value of several ids.
    pub const fn of_all(ids: IdSet, value: T) -> Self {
        Self { ids, tombstones: Vec::new(), last: None, value: Some(value) }
    }

    /// An id that will contribute nothing.
    pub fn tombstone(id: u64, reason: impl Into<String>) -> Self {
        let tombstone = Tombstone { ids: IdSet::of(id), reason: reason.into() };
        Self { ids: IdSet::of(id), tombstones: vec![tombstone], last: None, value: None }
    }

    /// The source's word that ids run from 1 to `last`.
    #[must_use]
    pub const fn manifest(last: u64) -> Self {
        Self { ids: IdSet::new(), tombstones: Vec::new(), last: Some(last), value: None }
    }

    /// Whether every id of the manifest is in.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.last.is_some_and(|last| self.ids == IdSet::up_to(last))
    }

    /// The ids that are not in yet; `None` until the manifest is.
    #[must_use]
    pub fn missing(&self) -> Option<IdSet> {
        self.last.map(|last| self.ids.missing(last))
    }
}

impl<T: Merge> Contribution<T> {
    /// Takes another contribution in, unless it is in already.
    ///
    /// A tombstone yields to a value of its id: its item was redriven and came to something
    /// after all. It brought nothing, so nothing has to be taken back.
    ///
    /// # Errors
    /// [`Conflict`] when no merge can be right; this one is unchanged then.
    pub fn absorb(&mut self, mut other: Self) -> Result<Absorbed, Conflict> {
        let last = match (self.last, other.last) {
            (Some(mine), Some(theirs)) if mine != theirs => return Err(Conflict::Manifests { mine, theirs }),
            (mine, theirs) => mine.or(theirs),
        };
        let common = self.ids.intersection(&other.ids);
        let theirs_yield = common.intersection(&tombstone::ids_of(&other.tombstones));
        let values = common.difference(&theirs_yield);
        let mine_yield = values.intersection(&tombstone::ids_of(&self.tombstones));
        let twice =
            if planted("reduce-takes-repeats") { IdSet::new() } else { values.difference(&mine_yield) };
        other.ids = other.ids.difference(&theirs_yield);

        if twice == other.ids && last == self.last {
            return Ok(Absorbed::Duplicate);
        }
        if !twice.is_empty() {
            return Err(Conflict::Overlap { ids: twice });
        }
        let ids = self.ids.union(&other.ids);
        if let Some(last) = last.filter(|&last| !IdSet::up_to(last).is_superset(&ids)) {
            return Err(Conflict::Beyond { ids: ids.difference(&IdSet::up_to(last)), last });
        }

        (self.ids, self.last) = (ids, last);
        tombstone::remove(&mut self.tombstones, &mine_yield);
        tombstone::remove(&mut other.tombstones, &theirs_yield);
        if !planted("reduce-forgets-tombstones") {
            tombstone::add(&mut self.tombstones, other.tombstones);
        }
        match (&mut self.value, other.value) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        Ok(Absorbed::Merged)
    }
}

impl<T: Payload> Payload for Contribution<T> {
    fn write(&self, writer: &mut Writer) {
        self.ids.write(writer);
        self.tombstones.write(writer);
        writer.optional(self.last.as_ref());
        writer.optional(self.value.as_ref());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            ids: IdSet::read(reader)?,
            tombstones: Vec::read(reader)?,
            last: reader.optional()?,
            value: reader.optional()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use entourage_core::Sum;

    use super::{Absorbed, Conflict, Contribution};
    use crate::{id_set::IdSet, payload::Payload};

    fn all(ids: &[u64], sum: u64) -> Contribution<Sum> {
        Contribution::of_all(ids.iter().copied().collect(), Sum(sum))
    }

    #[test]
    fn a_partial_overlap_names_its_ids_and_changes_nothing() {
        let mut total = all(&[1, 2, 3], 6);
        let before = total.clone();
        let overlap = total.absorb(all(&[3, 4], 7));
        assert!(overlap.is_err_and(|overlap| overlap.to_string().contains("ids 3 ")));
        assert_eq!(total, before);
    }

    #[test]
    fn a_duplicate_is_dropped_and_a_manifest_is_not() {
        let mut total = Contribution::of(1, Sum(1));
        assert_eq!(total.absorb(Contribution::of(1, Sum(1))), Ok(Absorbed::Duplicate));
        assert_eq!(total.absorb(Contribution::manifest(1)), Ok(Absorbed::Merged));
        assert_eq!(total.absorb(Contribution::manifest(1)), Ok(Absorbed::Duplicate));
        let other = total.absorb(Contribution::manifest(2));
        assert_eq!(other, Err(Conflict::Manifests { mine: 1, theirs: 2 }));
        assert!(total.is_complete());
    }

    #[test]
    fn an_id_that_the_manifest_leaves_out_is_named_whichever_came_first() {
        let beyond = Err(Conflict::Beyond { ids: [0, 3].into_iter().collect(), last: 2 });
        let mut total = all(&[0, 1, 3], 4);
        assert_eq!(total.absorb(Contribution::manifest(2)), beyond);
        assert_eq!(total, all(&[0, 1, 3], 4));
        assert_eq!(Contribution::manifest(2).absorb(total), beyond);
    }

    #[test]
    fn a_tombstone_yields_to_a_value_in_either_order() {
        let tombstones = || {
            let mut both = Contribution::tombstone(5, "dead");
            both.absorb(Contribution::tombstone(6, "dead")).unwrap();
            both
        };
        let mut total = all(&[4], 1);
        total.absorb(tombstones()).unwrap();
        assert_eq!(total.absorb(all(&[5, 7], 10)), Ok(Absorbed::Merged));
        let mut reversed = all(&[5, 7], 10);
        assert_eq!(reversed.absorb(tombstones()), Ok(Absorbed::Merged));
        reversed.absorb(all(&[4], 1)).unwrap();
        assert_eq!(total, reversed);
        assert_eq!((total.ids.to_string(), total.value), ("4-7".into(), Some(Sum(11))));
        assert_eq!(total.tombstones[0].ids, IdSet::of(6));
        // Where there is a value, a tombstone adds nothing; and one adds nothing to itself.
        assert_eq!(reversed.absorb(tombstones()), Ok(Absorbed::Duplicate));
        // A value that is in stays in, whatever else comes.
        assert_eq!(reversed.absorb(all(&[6, 7], 3)), Err(Conflict::Overlap { ids: IdSet::of(7) }));
    }

    #[test]
    fn tombstones_are_one_for_each_reason_in_whatever_order_they_come() {
        let one =
            |id: u64| Contribution::<Sum>::tombstone(id, if id.is_multiple_of(2) { "even" } else { "odd" });
        let fold = |ids: &[u64]| {
            let mut total = Contribution::manifest(4);
            ids.iter().for_each(|&id| assert_eq!(total.absorb(one(id)), Ok(Absorbed::Merged)));
            total
        };
        assert_eq!(fold(&[1, 2, 3, 4]), fold(&[4, 1, 3, 2]));
        assert_eq!(fold(&[1, 2, 3, 4]).tombstones.len(), 2);
    }

    #[test]
    fn an_empty_manifest_is_complete_by_itself() {
        assert!(Contribution::<Sum>::manifest(0).is_complete());
        assert_eq!(Contribution::<Sum>::manifest(0).missing(), Some(IdSet::new()));
    }

    #[test]
    fn contributions_return_from_bytes() {
        let mut total = Contribution::of(7, Sum(1));
        total.absorb(Contribution::tombstone(9, "gone")).unwrap();
        assert_eq!(Contribution::decode(&total.encode()), Ok(total));
        for last in [0, u64::MAX] {
            let manifest = Contribution::<Sum>::manifest(last);
            assert_eq!(Contribution::decode(&manifest.encode()), Ok(manifest));
        }
    }
}
