//! An item in the queue, and how far each group is with it.

use entourage_core::Moment;

use crate::{
    item::Item,
    memory::state::{number::NumberMap, ready::Rank},
};

/// Every item that some group has not settled or has given up.
pub(super) type Items = NumberMap<Stored>;

/// An item, shared by the groups of its topic.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) topic: usize,
    pub(super) item: Item,
    pub(super) priority: u8,
    pub(super) published: Moment,
    /// How many groups have yet to settle it.
    pub(super) unsettled: u32,
    /// How many groups hold it as a dead letter.
    pub(super) dead: u32,
    /// The topic's first group's; apart from the others', because most topics have one group.
    first: Mark,
    others: Vec<Mark>,
}

/// How far one group is with an item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) standing: Standing,
    /// When it may be leased, if nothing else holds it.
    pub(super) due: Moment,
    /// Which of the group's lanes it is in, if it has a key.
    pub(super) lane: Option<usize>,
    pub(super) retries: u32,
    pub(super) lapses: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Behind an unsettled item of the same key.
    Behind,
    /// Not due yet.
    Delayed,
    Ready,
    InFlight,
    Dead,
    Settled,
}

impl Mark {
    pub(super) const fn new(standing: Standing, due: Moment) -> Self {
        Self { standing, due, lane: None, retries: 0, lapses: 0 }
    }
}

impl Stored {
    pub(super) const fn new(topic: usize, item: Item, priority: u8, published: Moment, first: Mark) -> Self {
        Self { topic, item, priority, published, unsettled: 1, dead: 0, first, others: Vec::new() }
    }

    /// Adds the next group's mark.
    pub(super) fn add(&mut self, mark: Mark) {
        self.unsettled += 1;
        self.others.push(mark);
    }

    pub(super) fn rank(&self, sequence: u64) -> Rank {
        Rank::new(self.priority, sequence)
    }

    /// The mark of the group of this place in its topic.
    pub(super) fn mark(&self, group: usize) -> Option<&Mark> {
        match group.checked_sub(1) {
            None => Some(&self.first),
            Some(other) => self.others.get(other),
        }
    }

    pub(super) fn mark_mut(&mut self, group: usize) -> Option<&mut Mark> {
        match group.checked_sub(1) {
            None => Some(&mut self.first),
            Some(other) => self.others.get_mut(other),
        }
    }
}
