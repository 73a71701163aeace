//! What a group has before it, and what it has given up.

use std::time::Duration;

use crate::item::{Item, ItemId};

/// Four exact counts of a topic and group, as they stood together, and the oldest age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Could be received now.
    pub ready: u64,
    /// Delayed, or behind an unsettled item of the same key.
    pub waiting: u64,
    /// Leased.
    pub in_flight: u64,
    /// Dead letters.
    pub dead: u64,
    /// How long ago the oldest unsettled item was published; dead letters aside.
    pub oldest: Option<Duration>,
}

impl Stats {
    /// Unsettled items: ready, waiting and in flight.
    #[must_use]
    pub const fn unsettled(&self) -> u64 {
        self.ready + self.waiting + self.in_flight
    }
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The item.
    pub item: Item,
    /// Why it was given up.
    pub reason: String,
    /// How many attempts it had.
    pub attempts: u32,
}

/// Which dead letters to publish again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redrive {
    /// Every one.
    All,
    /// Those of these ids; others are ignored.
    Only(Vec<ItemId>),
}
