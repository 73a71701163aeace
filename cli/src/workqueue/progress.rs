//! How far the work is, as numbers and as a line.

use std::{collections::VecDeque, time::Duration};

use entourage_core::Moment;
use entourage_queue::Stats;
use serde_json::{Value, json};

/// How far back the rate is looked for.
const WINDOW: Duration = Duration::from_secs(60);

/// How far the work is, in all programs that share it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) done: u64,
    pub(super) working: u64,
    pub(super) waiting: u64,
    pub(super) dead: u64,
}

impl Numbers {
    /// Of so many names that the ledger has, as of about one moment.
    pub(super) fn of(known: usize, stats: &Stats) -> Self {
        let (working, waiting, dead) = (stats.in_flight, stats.ready + stats.waiting, stats.dead);
        let done = (known as u64).saturating_sub(working + waiting + dead);
        Self { done, working, waiting, dead }
    }

    /// What is left to be done.
    const fn left(self) -> u64 {
        self.working + self.waiting
    }
}

/// Numbers over time.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What was done when, the oldest first.
    seen: VecDeque<(Moment, u64)>,
    now: Numbers,
}

impl Progress {
    /// The numbers are these at `at`; whether they have changed.
    pub(super) fn is(&mut self, numbers: Numbers, at: Moment) -> bool {
        while self.seen.len() > 1 && self.seen.front().is_some_and(|(seen, _)| at.since(*seen) > WINDOW) {
            self.seen.pop_front();
        }
        // What a run before this one has done is no rate.
        if self.seen.back().is_some_and(|(_, done)| *done > numbers.done) || self.now.left() == 0 {
            self.seen.clear();
        }
        self.seen.push_back((at, numbers.done));
        let is_new = self.now != numbers;
        self.now = numbers;
        is_new
    }

    /// Items a second, once two moments are known.
    fn rate(&self) -> Option<f64> {
        let ((began, before), (at, now)) = (self.seen.front()?, self.seen.back()?);
        let seconds = at.since(*began).as_secs_f64();
        (seconds > 0.0).then(|| now.saturating_sub(*before) as f64 / seconds)
    }

    /// How long the rest takes at this rate.
    fn left(&self) -> Option<Duration> {
        let rate = self.rate().filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(self.now.left() as f64 / rate).ok()
    }

    /// As a line for programs.
    pub(super) fn to_json(&self) -> Value {
        let Numbers { done, working, waiting, dead } = self.now;
        json!({
            "event": "progress", "done": done, "working": working, "waiting": waiting, "dead": dead,
            "per_second": self.rate(), "seconds_left": self.left().map(|left| left.as_secs_f64()),
        })
    }

    /// As a line for people.
    pub(super) fn to_text(&self) -> String {
        let Numbers { done, working, waiting, dead } = self.now;
        let mut text = format!("{done} done, {working} in work, {waiting} waiting, {dead} dead");
        if let Some(rate) = self.rate().filter(|rate| *rate > 0.0) {
            text.push_str(&format!(", {rate:.1} a second"));
        }
        if let Some(left) = self.left() {
            let left = Duration::from_secs(left.as_secs_f64().ceil() as u64);
            text.push_str(&format!(", {} left", humantime::format_duration(left)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(second)
    }

    fn numbers(done: u64, waiting: u64) -> Numbers {
        Numbers { done, working: 2, waiting, dead: 1 }
    }

    #[test]
    fn the_rate_is_of_what_was_done_here_and_now() {
        let mut progress = Progress::default();
        assert!(progress.is(numbers(1_000, 98), at(0)), "an earlier run has done these");
        assert_eq!(progress.to_text(), "1000 done, 2 in work, 98 waiting, 1 dead");
        assert!(progress.is(numbers(1_040, 58), at(10)));
        let text = progress.to_text();
        assert_eq!(text, "1040 done, 2 in work, 58 waiting, 1 dead, 4.0 a second, 15s left");
        assert!(!progress.is(numbers(1_040, 58), at(20)));
        assert_eq!(progress.to_json()["per_second"], 2.0);
        assert_eq!(progress.to_json()["seconds_left"], 30.0);
        for second in 21..200 {
            progress.is(numbers(1_040, 58), at(second));
        }
        assert_eq!(progress.to_json()["per_second"], 0.0, "long ago is not now");
        assert_eq!(progress.to_json()["seconds_left"], Value::Null);
    }

    #[test]
    fn what_is_neither_open_nor_dead_is_done() {
        let mut stats = Stats::default();
        (stats.ready, stats.waiting, stats.in_flight, stats.dead) = (3, 2, 1, 4);
        assert_eq!(Numbers::of(20, &stats), Numbers { done: 10, working: 1, waiting: 5, dead: 4 });
        assert_eq!(Numbers::of(0, &stats).done, 0, "others know more than is known here");
    }
}
