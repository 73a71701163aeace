//! When the pool changed its size, and why.

use std::{fmt::Write as _, time::Duration};

use crate::{
    history::{Change, History},
    picture::{charts, time},
};

/// The whole run, and a line for each change.
pub fn summary(history: &History) -> String {
    let last = history.last();
    let mut text = String::from("\n");
    charts(history).iter().for_each(|line| text.extend([line, "\n"]));
    let most = history.samples.iter().map(|sample| sample.waiting).max().unwrap_or(0);
    let (done, peak, end) = (last.done, history.peak(), last.workers());
    let _ = writeln!(
        text,
        "\n{done} items in {}; at most {most} waited; at most {peak} workers, {end} in the end\n",
        time(last.at)
    );
    turns(history).iter().for_each(|turn| text.extend([why(turn), "\n".to_owned()]));
    text
}

/// The changes, those together that follow each other in one direction.
fn turns(history: &History) -> Vec<Vec<Change>> {
    let mut turns: Vec<Vec<Change>> = Vec::new();
    for change in history.changes() {
        match turns.last_mut() {
            Some(turn) if turn[0].grew() == change.grew() => turn.push(change),
            _ => turns.push(vec![change]),
        }
    }
    turns
}

/// ```text
/// 0:48 – 1:12  grew from 2 to 10: an item came every 0.98 s and took 1.63 s, which keeps 2 busy for 126 % of their time, and 16 waited
///              in the end an item came every 0.27 s and took 1.93 s
/// ```
fn why(turn: &[Change]) -> String {
    let (first, last) = (&turn[0], &turn[turn.len() - 1]);
    let word = if first.grew() { "grew" } else { "shrank" };
    let (from, to) = (first.from, last.seen.workers());
    let when = format!("{} – {}", time(first.seen.at), time(last.seen.at));
    let mut text = format!("{when:<13}{word} from {from} to {to}: {}", measured(first));
    if let Some(share) = first.utilisation() {
        let _ = write!(text, ", which keeps {from} busy for {:.0} % of their time", share * 100.0);
    }
    let waited = first.seen.scaling.visible;
    if first.grew() {
        let _ = write!(text, ", and {waited} waited");
    }
    if turn.len() > 1 {
        let _ = write!(text, "\n{:<13}in the end {}", "", measured(last));
    }
    text
}

/// What the book's inequality is about, as far as it was known.
fn measured(change: &Change) -> String {
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    match (change.seen.scaling.interarrival, change.seen.scaling.processing) {
        (Some(every), Some(took)) => {
            format!("an item came every {} and took {}", seconds(every), seconds(took))
        }
        (None, Some(took)) => format!("too few came for an average, and one took {}", seconds(took)),
        (_, None) => "too few were done for an average".to_owned(),
    }
}

/// What should have been, and was not.
pub fn faults(history: &History, arrivals: u64) -> Vec<String> {
    let last = history.last();
    let first = history.samples.first().map_or(0, |sample| sample.workers());
    let mut faults = Vec::new();
    if last.done != arrivals {
        faults.push(format!("{arrivals} items came, and {} were done", last.done));
    }
    if history.peak() <= first {
        faults.push(format!("the pool never grew beyond {first}"));
    }
    if last.workers() >= history.peak() {
        faults.push(format!("the pool never shrank from {}", history.peak()));
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{faults, turns};
    use crate::history::{History, Sample};

    fn history(workers: &[usize]) -> History {
        let mut history = History::default();
        for (second, count) in (0..).zip(workers) {
            let mut sample = Sample { at: Duration::from_secs(second), done: 3, ..Sample::default() };
            sample.scaling.parallelism = *count;
            history.push(sample);
        }
        history
    }

    #[test]
    fn changes_in_one_direction_are_one_turn() {
        let history = history(&[1, 1, 2, 4, 4, 3, 1, 5]);
        let ends: Vec<_> =
            turns(&history).iter().map(|turn| (turn[0].from, turn[turn.len() - 1].seen.workers())).collect();
        assert_eq!(ends, [(1, 4), (4, 1), (1, 5)]);
    }

    #[test]
    fn a_pool_that_keeps_its_size_or_loses_an_item_is_a_fault() {
        assert_eq!(faults(&history(&[1, 4, 2]), 3), [""; 0]);
        assert_eq!(faults(&history(&[1, 4, 4]), 3).len(), 1);
        assert_eq!(faults(&history(&[1, 1, 1]), 3).len(), 2);
        assert_eq!(faults(&history(&[1, 4, 2]), 4).len(), 1);
    }
}
