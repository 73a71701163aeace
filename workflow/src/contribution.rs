//! A partial result that knows what is in it.

use std::fmt;

use entourage_core::Merge;

use crate::{
    id_set::IdSet,
    payload::{Malformed, Payload, Reader, Writer},
};

/// Ids that will contribute nothing, and why: filtered, skipped or dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Which.
    pub ids: IdSet,
    /// Why.
    pub reason: String,
}

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
/// # Ok::<(), entourage_workflow::Overlap>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution<T> {
    /// The ids that went in, those of tombstones included.
    pub ids: IdSet,
    /// The ids that went in empty-handed.
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

/// Two contributions that share some ids and not others, or whose manifests differ.
///
/// No merge of them can be right, and it can only come from a fault upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    ids: IdSet,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ids.is_empty() {
            return f.write_str("two contributions carry different manifests");
        }
        write!(f, "two contributions both hold the ids {} and differ in others", self.ids)
    }
}

impl std::error::Error for Overlap {}

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
    /// # Errors
    /// [`Overlap`] when only some of it is in already; this one is unchanged then.
    pub fn absorb(&mut self, other: Self) -> Result<Absorbed, Overlap> {
        let common = self.ids.intersection(&other.ids);
        let known_manifest = other.last.is_none() || other.last == self.last;
        if self.last.is_some() && !known_manifest {
            return Err(Overlap { ids: IdSet::new() });
        }
        if common == other.ids && known_manifest {
            return Ok(Absorbed::Duplicate);
        }
        if !common.is_empty() {
            return Err(Overlap { ids: common });
        }
        self.ids = self.ids.union(&other.ids);
        self.tombstones.extend(other.tombstones);
        self.last = self.last.or(other.last);
        match (&mut self.value, other.value) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        Ok(Absorbed::Merged)
    }
}

impl Payload for Tombstone {
    fn write(&self, writer: &mut Writer) {
        self.ids.write(writer);
        self.reason.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { ids: IdSet::read(reader)?, reason: String::read(reader)? })
    }
}

impl<T: Payload> Payload for Contribution<T> {
    fn write(&self, writer: &mut Writer) {
        self.ids.write(writer);
        self.tombstones.write(writer);
        // One above the last id, so that 0 says "not closed".
        writer.number(self.last.map_or(0, |last| last.saturating_add(1)));
        writer.number(u64::from(self.value.is_some()));
        if let Some(value) = &self.value {
            value.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (ids, tombstones) = (IdSet::read(reader)?, Vec::read(reader)?);
        let last = reader.number()?.checked_sub(1);
        let value = match reader.number()? {
            0 => None,
            1 => Some(T::read(reader)?),
            _ => return Err(Malformed::new("a contribution of another release")),
        };
        Ok(Self { ids, tombstones, last, value })
    }
}

#[cfg(test)]
mod tests {
    use entourage_core::Sum;

    use super::{Absorbed, Contribution};
    use crate::{id_set::IdSet, payload::Payload};

    #[test]
    fn a_partial_overlap_names_its_ids_and_changes_nothing() {
        let mut total = Contribution::of_all([1, 2, 3].into_iter().collect(), Sum(6));
        let before = total.clone();
        let overlap = total.absorb(Contribution::of_all([3, 4].into_iter().collect(), Sum(7)));
        assert!(overlap.is_err_and(|overlap| overlap.to_string().contains("ids 3 ")));
        assert_eq!(total, before);
    }

    #[test]
    fn a_duplicate_is_dropped_and_a_manifest_is_not() {
        let mut total = Contribution::of(1, Sum(1));
        assert_eq!(total.absorb(Contribution::of(1, Sum(1))), Ok(Absorbed::Duplicate));
        assert_eq!(total.absorb(Contribution::manifest(1)), Ok(Absorbed::Merged));
        assert_eq!(total.absorb(Contribution::manifest(1)), Ok(Absorbed::Duplicate));
        assert!(total.absorb(Contribution::manifest(2)).is_err());
        assert!(total.is_complete());
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
        assert_eq!(
            Contribution::decode(&Contribution::<Sum>::manifest(0).encode()),
            Ok(Contribution::<Sum>::manifest(0))
        );
    }
}
