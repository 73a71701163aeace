//! The history as lines of text.

use std::time::Duration;

use crate::{
    arrivals::SPAN,
    history::{History, Sample},
};

/// Columns of a chart; a line has less than 80.
const COLUMNS: usize = 60;

/// Arrivals, what waits, and the workers, over the whole span of time.
///
/// ```text
/// arrivals  ▁▁▁▁▂▁▁▁▁▇▆▇█▇▆▆▇█▁▁▁▁▁▁
/// waiting            ▃▅▇█▅▃▁
/// workers   ▁▁▁▁▁▁▁▁▁▃▅▇▇▇▇▇▇▇▇▇▇▇▂▂
/// ```
pub fn charts(history: &History) -> Vec<String> {
    let mut arrived = 0;
    let columns = columns(history);
    let come: Vec<u64> = columns
        .iter()
        .map(|column| {
            let last = column.last().map_or(arrived, |sample| sample.arrived);
            last - std::mem::replace(&mut arrived, last)
        })
        .collect();
    let most = |of: fn(&Sample) -> u64| -> Vec<u64> {
        columns.iter().map(|column| column.iter().map(of).max().unwrap_or(0)).collect()
    };
    let waiting = most(|sample| sample.waiting);
    let workers = most(|sample| sample.workers() as u64);
    let rows = [("arrivals", come), ("waiting", waiting), ("workers", workers)];
    rows.map(|(name, values)| format!("{name:<10}{}", sparkline(&values)).trim_end().to_owned()).into()
}

/// One line of what is known now.
pub fn line(sample: &Sample) -> String {
    let Sample { arrived, waiting, working, scaling, .. } = sample;
    let at = time(sample.at);
    let used = scaling.utilisation.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0));
    format!("{at:>5}{arrived:>10}{waiting:>9}{working:>9}{:>9}{used:>13}", sample.workers())
}

/// What the columns of [`line`] are.
pub fn head() -> String {
    format!(
        "{:>5}{:>10}{:>9}{:>9}{:>9}{:>13}",
        "time", "arrived", "waiting", "in work", "workers", "utilisation"
    )
}

/// `2:05`.
pub fn time(after: Duration) -> String {
    format!("{}:{:02}", after.as_secs() / 60, after.as_secs() % 60)
}

/// The samples of each column; a span that was overrun is squeezed.
fn columns(history: &History) -> Vec<Vec<Sample>> {
    let span = SPAN.max(history.last().at);
    let mut columns = vec![Vec::new(); COLUMNS];
    for sample in &history.samples {
        let place = sample.at.as_nanos() * COLUMNS as u128 / (span.as_nanos() + 1);
        if let Some(column) = usize::try_from(place).ok().and_then(|place| columns.get_mut(place)) {
            column.push(*sample);
        }
    }
    let filled = columns.iter().rposition(|column| !column.is_empty()).map_or(0, |last| last + 1);
    columns.truncate(filled);
    columns
}

/// Each value in eighths of the greatest; nothing for zero, and something for the least.
fn sparkline(values: &[u64]) -> String {
    const SIGNS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    values.iter().map(|value| SIGNS[(value * 8).div_ceil(most) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{charts, head, line, sparkline, time};
    use crate::history::{History, Sample};

    #[test]
    fn the_least_is_seen_and_the_most_is_full() {
        assert_eq!(sparkline(&[0, 1, 50, 100, 1000]), " ▁▁▁█");
        assert_eq!(sparkline(&[0, 0]), "  ");
        assert_eq!(time(Duration::from_secs(125)), "2:05");
    }

    #[test]
    fn no_line_has_eighty_columns_however_long_it_takes() {
        for seconds in [0, 1, 299, 300, 900] {
            let mut history = History::default();
            (0..=seconds).for_each(|second| {
                let at = Duration::from_secs(second);
                history.push(Sample { at, arrived: second * 3, waiting: second % 7, ..Sample::default() });
            });
            let mut lines = charts(&history);
            lines.extend([head(), line(&history.last())]);
            assert!(lines.iter().all(|line| line.chars().count() < 80), "{lines:#?}");
        }
    }
}
