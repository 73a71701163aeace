//! The items of one key, one in flight at a time.

use std::collections::{HashMap, VecDeque};

use crate::item::Key;

/// The lanes of the keys that have unsettled items.
///
/// An item remembers the number of its lane, so its key is looked up once in its life.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    numbers: HashMap<Key, usize>,
    lanes: Vec<Lane>,
    /// Lanes without a key, to be used again.
    free: Vec<usize>,
}

/// One key's unsettled items in the order of their publishing.
///
/// Only the head may be leased. While it is in flight, or waits for its delay, it holds the
/// others behind it.
#[derive(Debug, Default)]
pub(super) struct Lane {
    in_flight: Option<u64>,
    waiting: VecDeque<u64>,
}

impl Lanes {
    /// The lane of a key.
    pub(super) fn open(&mut self, key: &Key) -> usize {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.lanes.push(Lane::default());
            self.lanes.len() - 1
        });
        self.numbers.insert(key.clone(), number);
        number
    }

    /// The lane of this number, which some unsettled item remembers.
    pub(super) fn at(&mut self, number: usize) -> &mut Lane {
        &mut self.lanes[number]
    }

    /// Whether no key has an unsettled item.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.free.len() == self.lanes.len()
    }

    /// Frees the lane of a key that has no unsettled item any more.
    pub(super) fn close(&mut self, key: &Key) {
        self.free.extend(self.numbers.remove(key));
    }
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.in_flight.is_none() && self.waiting.is_empty()
    }

    /// The item that may be leased next, if none of the key is in flight.
    pub(super) fn head(&self) -> Option<u64> {
        if self.in_flight.is_some() { None } else { self.waiting.front().copied() }
    }

    /// Adds an item at its place, which is the end for a new one.
    pub(super) fn insert(&mut self, sequence: u64) {
        match self.waiting.back() {
            Some(last) if *last > sequence => {
                let place = self.waiting.partition_point(|waiting| *waiting < sequence);
                self.waiting.insert(place, sequence);
            }
            _ => self.waiting.push_back(sequence),
        }
    }

    /// Adds an item behind all others: only a planted fault does that to an old one.
    pub(super) fn push(&mut self, sequence: u64) {
        self.waiting.push_back(sequence);
    }

    /// The head is leased.
    pub(super) fn start(&mut self, sequence: u64) {
        if self.waiting.front() == Some(&sequence) {
            self.waiting.pop_front();
        }
        self.in_flight = Some(sequence);
    }

    /// The lease has ended.
    pub(super) fn finish(&mut self, sequence: u64) {
        self.in_flight.take_if(|in_flight| *in_flight == sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_in_flight_and_what_comes_back_is_the_head_again() {
        let mut lane = Lane::default();
        for sequence in 1..=3 {
            lane.insert(sequence);
        }
        assert_eq!(lane.head(), Some(1));
        lane.start(1);
        assert_eq!(lane.head(), None);
        lane.finish(1);
        assert_eq!(lane.head(), Some(2));
        lane.insert(1);
        assert_eq!(lane.head(), Some(1));
    }

    #[test]
    fn a_lane_is_empty_only_when_nothing_is_in_flight() {
        let mut lane = Lane::default();
        lane.insert(1);
        lane.start(1);
        assert!(!lane.is_empty());
        lane.finish(1);
        assert!(lane.is_empty());
    }
}
