//! What stands for those that will bring nothing.

use crate::{
    id_set::IdSet,
    payload::{Malformed, Payload, Reader, Writer},
};

/// Ids that contribute nothing, and why: filtered, skipped or dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Which.
    pub ids: IdSet,
    /// Why.
    pub reason: String,
}

/// All ids that these stand for.
pub(crate) fn ids_of(tombstones: &[Tombstone]) -> IdSet {
    tombstones.iter().fold(IdSet::new(), |all, tombstone| all.union(&tombstone.ids))
}

/// Adds `more`, so that each reason stands once and in order: as many as there are reasons,
/// and the same list in whatever order they came.
pub(crate) fn add(tombstones: &mut Vec<Tombstone>, more: Vec<Tombstone>) {
    for new in more {
        match tombstones.binary_search_by(|old| old.reason.cmp(&new.reason)) {
            Ok(place) => tombstones[place].ids = tombstones[place].ids.union(&new.ids),
            Err(place) => tombstones.insert(place, new),
        }
    }
}

/// Takes `ids` out.
pub(crate) fn remove(tombstones: &mut Vec<Tombstone>, ids: &IdSet) {
    if !ids.is_empty() {
        tombstones.iter_mut().for_each(|tombstone| tombstone.ids = tombstone.ids.difference(ids));
        tombstones.retain(|tombstone| !tombstone.ids.is_empty());
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
