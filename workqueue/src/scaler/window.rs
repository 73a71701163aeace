//! What happened lately, in a fixed amount of memory.

use std::{collections::VecDeque, time::Duration};

use entourage_core::Moment;

/// Into how many parts a window is cut: so coarse is its far end.
const PARTS: u64 = 32;

/// Counts events, and adds up what they took, over a window that slides in parts.
#[derive(Clone, Debug)]
pub(super) struct Window {
    part: u64,
    parts: VecDeque<Part>,
}

/// What happened in one part of time.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    number: u64,
    sums: Sums,
}

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) count: u64,
    pub(super) took: Duration,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Self { part: (nanos / PARTS).max(1), parts: VecDeque::new() }
    }

    /// Adds `count` events which took this long together. An event of the past is counted to
    /// the newest part.
    pub(super) fn add(&mut self, at: Moment, count: u64, took: Duration) {
        let number = self.number(at);
        if self.parts.back().is_none_or(|newest| newest.number < number) {
            self.parts.push_back(Part { number, sums: Sums::default() });
            self.forget(number);
        }
        if let Some(newest) = self.parts.back_mut() {
            newest.sums.count = newest.sums.count.saturating_add(count);
            newest.sums.took = newest.sums.took.saturating_add(took);
        }
    }

    /// What happened within the window that ends at `at`.
    pub(super) fn sums(&mut self, at: Moment) -> Sums {
        self.forget(self.number(at));
        self.parts.iter().fold(Sums::default(), |sums, part| Sums {
            count: sums.count.saturating_add(part.sums.count),
            took: sums.took.saturating_add(part.sums.took),
        })
    }

    /// How much time those sums are of, if everything since `began` was told.
    pub(super) fn covers(&self, began: Moment, at: Moment) -> Duration {
        let first = self.number(at).saturating_sub(PARTS - 1).saturating_mul(self.part);
        at.since(began.max(Moment::from_nanos(first)))
    }

    /// Whether a whole window, to the part, has passed since `began`.
    pub(super) fn is_full(&self, began: Moment, at: Moment) -> bool {
        at.since(began) >= Duration::from_nanos(self.part.saturating_mul(PARTS))
    }

    const fn number(&self, at: Moment) -> u64 {
        at.as_nanos() / self.part
    }

    fn forget(&mut self, newest: u64) {
        while self.parts.front().is_some_and(|oldest| oldest.number.saturating_add(PARTS) <= newest) {
            self.parts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut window = Window::new(Duration::from_millis(320));
        window.add(at(5), 2, Duration::from_millis(7));
        window.add(at(100), 1, Duration::from_millis(1));
        assert_eq!(window.sums(at(319)), Sums { count: 3, took: Duration::from_millis(8) });
        assert_eq!(window.sums(at(320)), Sums { count: 1, took: Duration::from_millis(1) });
        assert_eq!(window.sums(at(420)), Sums::default());
    }

    #[test]
    fn a_window_keeps_no_more_than_its_parts() {
        let mut window = Window::new(Duration::from_millis(320));
        (0..10_000).for_each(|milli| window.add(at(milli), 1, Duration::ZERO));
        assert!(window.parts.len() <= 32, "{} parts are kept", window.parts.len());
        // The newest part has as much time in it as has passed of it.
        assert_eq!(window.sums(at(9_999)).count, 320);
        assert_eq!(window.covers(Moment::ZERO, at(9_999)), Duration::from_millis(319));
    }

    #[test]
    fn a_young_window_covers_no_time_before_it_began() {
        let window = Window::new(Duration::from_millis(320));
        assert_eq!(window.covers(at(1_000), at(1_100)), Duration::from_millis(100));
        assert!(!window.is_full(at(1_000), at(1_319)));
        assert!(window.is_full(at(1_000), at(1_320)));
    }
}
