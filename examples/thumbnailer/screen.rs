//! How far it is: bars on a terminal, plain lines anywhere else.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, IsTerminal},
    time::Duration,
};

use entourage::{
    core::{Clock, Moment, SystemClock},
    workqueue::ItemName,
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::{board::Row, ledger::Ledger};

/// Bars on a terminal, plain lines anywhere else.
#[derive(Debug)]
pub struct Screen {
    bars: Option<Bars>,
    total: usize,
    /// What earlier runs have seen to is not this run's speed.
    before: usize,
    began: Moment,
    /// Names that were said to be done or dead.
    said: Option<BTreeSet<String>>,
}

/// A bar for each video that is being cut, and one for all of them.
#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    running: BTreeMap<String, ProgressBar>,
}

impl Screen {
    /// For `total` videos, of which `before` are done or dead.
    pub fn new(total: usize, before: usize) -> Self {
        let bars = io::stderr().is_terminal().then(|| Bars::new(total, before));
        Self { bars, total, before, began: SystemClock::new().now(), said: None }
    }

    /// Shows how far it is.
    pub fn draw(&mut self, ledger: &Ledger, names: &[ItemName], running: &BTreeMap<String, Row>) {
        let settled = ledger.settled(names);
        match &mut self.bars {
            Some(bars) => bars.draw(settled, ledger.dead.len(), running),
            None => self.lines(ledger, settled),
        }
    }

    /// Takes the bars away.
    pub fn clear(self) {
        if let Some(bars) = self.bars {
            bars.running.values().for_each(ProgressBar::finish_and_clear);
            bars.whole.finish_and_clear();
        }
    }

    /// A line for each video that has ended since the last time.
    fn lines(&mut self, ledger: &Ledger, settled: usize) {
        let ended: BTreeSet<String> = ledger.done.union(&ledger.dead).cloned().collect();
        // The first look tells what there was before.
        let said = self.said.replace(ended.clone()).unwrap_or_else(|| ended.clone());
        // A video that was deleted, or a letter that lives again, is done no more.
        let (open, done) = (self.total.saturating_sub(settled), settled.saturating_sub(self.before));
        let left = left(open, done, SystemClock::new().now().since(self.began));
        let left = left.map_or_else(String::new, |left| format!(", about {} s left", left.as_secs()));
        for name in ended.difference(&said) {
            let word = if ledger.dead.contains(name) { "dead" } else { "done" };
            eprintln!("{word} {name} ({settled} of {}{left})", self.total);
        }
    }
}

impl Bars {
    fn new(total: usize, before: usize) -> Self {
        let all = MultiProgress::new();
        let whole = all.add(ProgressBar::new(total as u64));
        whole.set_style(style("{bar:40} {pos}/{len} videos{msg}  {eta} left"));
        whole.set_position(before as u64);
        whole.reset_eta();
        Self { all, whole, running: BTreeMap::new() }
    }

    fn draw(&mut self, settled: usize, dead: usize, running: &BTreeMap<String, Row>) {
        self.running.retain(|name, bar| {
            let stays = running.contains_key(name);
            if !stays {
                bar.finish_and_clear();
                self.all.remove(bar);
            }
            stays
        });
        for (name, row) in running {
            let bar = self.running.entry(name.clone()).or_insert_with(|| {
                let bar = self.all.insert_before(&self.whole, ProgressBar::new_spinner());
                bar.set_prefix(shortened(name));
                bar
            });
            if let Some(expected) = row.expected {
                bar.set_style(style("  {prefix:40} {bar:20} {pos}/{len} pictures"));
                bar.set_length(expected as u64);
            } else {
                bar.set_style(style("  {prefix:40} {spinner} {pos} pictures"));
            }
            bar.set_position(row.pictures as u64);
            bar.tick();
        }
        self.whole.set_message(if dead > 0 { format!(", {dead} dead") } else { String::new() });
        self.whole.set_position(settled as u64);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The end of a long name: that is what tells names apart.
fn shortened(name: &str) -> String {
    const MOST: usize = 40;
    let letters = name.chars().count();
    if letters <= MOST {
        return name.to_owned();
    }
    format!("…{}", name.chars().skip(letters - MOST + 1).collect::<String>())
}

/// How long the rest takes, if it takes as long as what was done.
fn left(open: usize, done: usize, took: Duration) -> Option<Duration> {
    let done = u32::try_from(done).ok().filter(|done| *done > 0)?;
    Some(took.saturating_mul(u32::try_from(open).unwrap_or(u32::MAX)) / done)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{left, shortened};

    #[test]
    fn the_time_left_is_that_of_the_videos_so_far() {
        let second = Duration::from_secs(1);
        assert_eq!(left(6, 3, second), Some(second * 2));
        assert_eq!(left(0, 3, second), Some(Duration::ZERO));
        assert_eq!(left(6, 0, second), None);
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(shortened("a.mp4"), "a.mp4");
        let long = shortened(&format!("{}/ß.mp4", "x".repeat(100)));
        assert_eq!((long.chars().count(), long.ends_with("/ß.mp4")), (40, true));
    }
}
