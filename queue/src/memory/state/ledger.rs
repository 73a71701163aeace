//! What a group keeps beside its items: the steps it applied and its state records.

use std::{collections::BTreeMap, hash::BuildHasherDefault, ops::Bound, sync::Arc};

use entourage_core::{Moment, planted};

use crate::{
    error::{Error, Result},
    limits,
    memory::state::{number::NumberHasher, window::Window},
    state::{Record, StateWrite},
    step::{Applied, Step, StepId},
};

/// The steps that a group has applied, and its state records.
#[derive(Debug)]
pub(super) struct Ledger {
    named: Window<StepId, Kept>,
    /// Steps without a name of their own, by the first attempt they settled.
    unnamed: Window<u64, Kept, BuildHasherDefault<NumberHasher>>,
    records: BTreeMap<Arc<str>, Record>,
}

/// What a step did; `None` for one that only settled, as most do.
type Kept = Option<Box<Applied>>;

impl Ledger {
    pub(super) fn new() -> Self {
        Self { named: Window::new(), unnamed: Window::new(), records: BTreeMap::new() }
    }

    /// What the step did when it was applied before.
    pub(super) fn recall(&mut self, step: &Step, now: Moment) -> Option<Applied> {
        self.named.expire(limits::STEP_WINDOW, now);
        self.unnamed.expire(limits::STEP_WINDOW, now);
        let kept = match &step.id {
            Some(id) => self.named.get(id),
            None => self.unnamed.get(&first_epoch(step)?),
        };
        let applied = kept?.as_deref().cloned().unwrap_or_default();
        Some(Applied { repeated: true, ..applied })
    }

    /// Remembers what a step did.
    pub(super) fn remember(&mut self, step: &Step, applied: &Applied, now: Moment) {
        if planted("queue-forgets-step-ids") {
            return;
        }
        let kept = (*applied != Applied::default()).then(|| Box::new(applied.clone()));
        if let Some(id) = &step.id {
            self.named.remember(id, kept, now);
            self.named.shrink(limits::STEP_IDS);
        } else if let Some(epoch) = first_epoch(step) {
            self.unnamed.remember(&epoch, kept, now);
            self.unnamed.shrink(limits::STEP_IDS);
        }
    }

    /// Refuses writes that expect another version than stands there.
    pub(super) fn check(&self, writes: &[StateWrite]) -> Result<()> {
        if planted("queue-ignores-versions") {
            return Ok(());
        }
        for write in writes {
            let Some(expected) = write.expected else { continue };
            let found = self.records.get(&write.key).map_or(0, |record| record.version);
            if expected != found {
                return Err(Error::StateConflict { key: write.key.to_string(), expected, found });
            }
        }
        Ok(())
    }

    /// Writes, and says the new versions.
    pub(super) fn write(&mut self, writes: &[StateWrite]) -> Vec<u64> {
        let write_one = |write: &StateWrite| {
            let Some(value) = write.value.clone() else {
                self.records.remove(&write.key);
                return 0;
            };
            if let Some(record) = self.records.get_mut(&write.key) {
                record.value = value;
                record.version += 1;
                return record.version;
            }
            let key = write.key.clone();
            self.records.insert(key.clone(), Record { key, value, version: 1 });
            1
        };
        writes.iter().map(write_one).collect()
    }

    pub(super) fn record(&self, key: &str) -> Option<&Record> {
        self.records.get(key)
    }

    /// The records whose keys begin with `prefix`, by key.
    pub(super) fn records(&self, prefix: &str) -> Vec<Record> {
        let from = self.records.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(|(key, _)| key.starts_with(prefix)).map(|(_, record)| record.clone()).collect()
    }
}

/// The epoch of the first attempt that a step settles, which no other attempt has.
fn first_epoch(step: &Step) -> Option<u64> {
    step.deliveries().next().map(|delivery| delivery.receipt().epoch)
}
