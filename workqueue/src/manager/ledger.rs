//! What has become of each name: one record a name, in the group's state.
//!
//! The record of an item is written in the step that publishes it and changed in the step that
//! settles it, so it never says anything but the truth; and it is written only where there was
//! none, so of many managers one publishes. That is the difference of the book's manager loop,
//! with records for its jobs: but they do not go when their jobs do.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use entourage_core::planted;
use entourage_queue::{
    Error, Group, Publication, Published, Queue, Record, Result, Settler, StateWrite, Step, Unapplied,
};

use crate::source::{Finish, ItemName};

/// What has become of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is in the queue.
    Open,
    /// It is done.
    Done,
    /// It was given up, and is a dead letter until it is redriven.
    Dead,
}

impl Entry {
    pub(super) const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Open => b"open",
            Self::Done => b"done",
            Self::Dead => b"dead",
        }
    }

    /// How the item ended by what its record says; none while it is in the queue.
    ///
    /// An item that has ended needs its record only while it is listed.
    pub(super) fn finish(value: &[u8]) -> Option<Finish> {
        match value {
            b"done" => Some(Finish::Done),
            b"dead" => Some(Finish::Dead),
            _ => None,
        }
    }
}

/// Reads and writes the records of a group.
#[derive(Debug)]
pub(super) struct Ledger {
    queue: Arc<dyn Queue>,
    settler: Arc<dyn Settler>,
    group: Group,
    /// Tells the steps of this ledger from those of all others.
    nonce: u64,
    steps: AtomicU64,
}

impl Ledger {
    pub(super) const fn new(
        queue: Arc<dyn Queue>,
        settler: Arc<dyn Settler>,
        group: Group,
        nonce: u64,
    ) -> Self {
        Self { queue, settler, group, nonce, steps: AtomicU64::new(0) }
    }

    /// All names that have a record, and how they ended.
    pub(super) async fn names(&self) -> Result<Vec<(ItemName, Option<Finish>)>> {
        let records = self.queue.records(&self.group, "").await?;
        if planted("workqueue-publishes-again") {
            return Ok(Vec::new());
        }
        let name = |record: Record| Some((ItemName::new(record.key).ok()?, Entry::finish(&record.value)));
        Ok(records.into_iter().filter_map(name).collect())
    }

    /// How these ended; none of what has no record.
    pub(super) async fn look(&self, names: &[ItemName]) -> Result<Vec<Option<Option<Finish>>>> {
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let record = self.settler.state(name.as_str()).await?;
            found.push(record.map(|record| Entry::finish(&record.value)));
        }
        Ok(found)
    }

    /// A name for a step that must be recognised when it is repeated.
    pub(super) fn step(&self) -> Step {
        let number = self.steps.fetch_add(1, Ordering::Relaxed);
        Step::new().named(format!("ledger/{:016x}/{number}", self.nonce))
    }

    /// Publishes these and records them as open, all or none; gives how many.
    ///
    /// `step` is repeated as long as the answer is unknown.
    ///
    /// # Errors
    /// [`Error::StateConflict`] where another manager was there before for one of them. The batch
    /// is as it was then.
    pub(super) async fn publish(&self, step: &Step, batch: &mut Vec<Publication>) -> Result<u64> {
        let expected = (!planted("workqueue-publishes-again")).then_some(0);
        let open = |publication: &Publication| StateWrite {
            key: publication.item.id().to_shared(),
            expected,
            value: Some(Bytes::from_static(Entry::Open.as_bytes())),
        };
        let state = batch.iter().map(open).collect();
        let publishing = Step { id: step.id.clone(), publish: mem::take(batch), state, ..Step::new() };
        let applied = match self.settler.step(publishing).await {
            Ok(applied) => applied,
            Err(Unapplied { step, error }) => {
                *batch = step.publish;
                return Err(error);
            }
        };
        let is_new = |published: &&Published| **published == Published::Accepted;
        Ok(applied.published.iter().filter(is_new).count() as u64)
    }

    /// Those of `batch` that have no record.
    pub(super) async fn absent(&self, batch: Vec<Publication>) -> Result<Vec<Publication>> {
        let mut absent = Vec::new();
        for publication in batch {
            if self.settler.state(publication.item.id().as_str()).await?.is_none() {
                absent.push(publication);
            }
        }
        Ok(absent)
    }

    pub(super) const fn group(&self) -> &Group {
        &self.group
    }

    /// Records as dead those of `names` that are open; the queue itself has given them up.
    pub(super) async fn bury(&self, names: &[ItemName]) -> Result<()> {
        let mut step = self.step();
        for name in names {
            if let Some(record) = self.settler.state(name.as_str()).await?
                && Entry::finish(&record.value).is_none()
            {
                let (expected, value) = (Some(record.version), Some(Entry::Dead.as_bytes().into()));
                step.state.push(StateWrite { key: record.key, expected, value });
            }
        }
        if step.state.is_empty() {
            return Ok(());
        }
        match self.settler.step(step).await {
            // Settled just now, after it was redriven: then that is how it ended.
            Err(unapplied) if !matches!(unapplied.error, Error::StateConflict { .. }) => Err(unapplied.error),
            _ => Ok(()),
        }
    }

    /// Forgets those of `names` that are finished; gives those that have no record any more.
    ///
    /// One that is open stays: that it is listed no more does not mean that it is cancelled.
    pub(super) async fn forget(&self, names: &[ItemName]) -> Result<Vec<ItemName>> {
        let mut step = self.step();
        let mut gone = Vec::new();
        for name in names {
            match self.settler.state(name.as_str()).await? {
                Some(record) if Entry::finish(&record.value).is_some() => {
                    let expected = Some(record.version);
                    step.state.push(StateWrite { key: record.key, expected, value: None });
                }
                Some(_) => continue,
                None => {}
            }
            gone.push(name.clone());
        }
        if !step.state.is_empty() {
            match self.settler.step(step).await {
                Ok(_) => {}
                // Redriven or forgotten elsewhere just now: the next listing looks again.
                Err(unapplied) if matches!(unapplied.error, Error::StateConflict { .. }) => gone.clear(),
                Err(unapplied) => return Err(unapplied.error),
            }
        }
        Ok(gone)
    }
}
