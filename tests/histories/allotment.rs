//! What producers are to publish.

use std::collections::{HashMap, VecDeque};

/// A run of numbers, from the first up to but not with the last.
pub(crate) type Slice = (u64, u64);

/// What producers are to publish: slices of numbers, up to a credit that grows.
#[derive(Debug)]
pub(crate) struct Allotment {
    total: u64,
    credit: u64,
    next: u64,
    /// What a producer had when it was killed.
    again: VecDeque<Slice>,
    out: HashMap<String, Slice>,
    pub(crate) published: u64,
}

/// What a producer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Publish(Slice),
    Wait,
    Over,
}

impl Allotment {
    /// Items in one batch.
    const BATCH: u64 = 100;

    pub(crate) fn new(total: u64) -> Self {
        Self { total, credit: 0, next: 0, again: VecDeque::new(), out: HashMap::new(), published: 0 }
    }

    /// How far producers may go.
    pub(crate) const fn credit(&self) -> u64 {
        self.credit
    }

    /// Lets producers go on up to this number, at least.
    pub(crate) fn set_credit(&mut self, credit: u64) {
        self.credit = self.credit.max(credit.min(self.total));
    }

    /// What `producer` is to do next.
    pub(crate) fn take(&mut self, producer: &str) -> Told {
        let slice = self.again.pop_front().or_else(|| {
            let slice = (self.next, (self.next + Self::BATCH).min(self.credit));
            self.next = self.next.max(slice.1);
            (slice.0 < slice.1).then_some(slice)
        });
        match slice {
            Some(slice) => {
                self.out.insert(producer.to_owned(), slice);
                Told::Publish(slice)
            }
            None if self.is_over() => Told::Over,
            None => Told::Wait,
        }
    }

    /// `producer` has published what it was told.
    pub(crate) fn done(&mut self, producer: &str) -> Option<Slice> {
        let slice = self.out.remove(producer)?;
        self.published += slice.1 - slice.0;
        Some(slice)
    }

    /// `producer` is no more; what it had in hand is to be published again.
    pub(crate) fn bury(&mut self, producer: &str) -> Option<Slice> {
        let slice = self.out.remove(producer)?;
        self.again.push_back(slice);
        Some(slice)
    }

    /// Whether all is published, and known to be.
    pub(crate) const fn is_over(&self) -> bool {
        self.published == self.total
    }
}
