//! What came of it, beside the arithmetic of a singleton.

use std::{fmt::Write as _, time::Duration};

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use entourage::core::Moment;

use crate::{
    handover::{Cause, seconds},
    picture,
    scene::Scene,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Columns of the time to live, against which the hand-overs are drawn.
const BAR: f64 = 24.0;

/// The whole run, each hand-over beside the time to live, and what that is worth.
pub fn summary(scene: &Scene, until: Moment, ttl: Duration) -> String {
    let mut text = String::from("\n");
    for line in picture::whole(scene, until) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "\n{}", handovers(scene, ttl));
    let tried: u64 = scene.replicas.iter().map(|replica| replica.refused).sum();
    let (takeovers, writes, epochs) = (scene.handovers.len(), scene.writes, scene.epochs);
    let _ = writeln!(text, "\ntake-overs: {takeovers}, each under a higher epoch");
    let _ = writeln!(text, "writes: {writes} under {epochs} epochs");
    let _ = writeln!(text, "writes of former leaders: {tried} refused by the store, {} let in", scene.stale);
    let _ = writeln!(text, "\n{}", arithmetic(scene));
    text
}

fn handovers(scene: &Scene, ttl: Duration) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["leader was", "hand-over", "epoch", "nobody led", ""]);
    for handover in &scene.handovers {
        table.add_row([
            handover.cause.name().to_owned(),
            format!("{} → {}", scene.name(handover.from), scene.name(handover.to)),
            handover.epoch.to_string(),
            seconds(handover.gap),
            bar(handover.gap, ttl),
        ]);
    }
    table.add_row(["time to live", "", "", &seconds(ttl), &bar(ttl, ttl)]);
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What a singleton serves of the time, by the book's arithmetic, and what was measured here.
fn arithmetic(scene: &Scene) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["served, if away", "once a day", "once an hour"]);
    let mut row = |what: String, away: Duration| {
        table.add_row([what, per_cent(away, DAY), per_cent(away, HOUR)]);
    };
    row("a singleton, 2 s for a restart".to_owned(), Duration::from_secs(2));
    row("a singleton, 2 minutes for an upgrade".to_owned(), Duration::from_secs(120));
    row("a singleton, 5 minutes for a move".to_owned(), Duration::from_secs(300));
    for cause in [Cause::Killed, Cause::Paused, Cause::Lost, Cause::Released] {
        let gaps = scene.handovers.iter().filter(|handover| handover.cause == cause);
        if let Some(longest) = gaps.map(|handover| handover.gap).max() {
            row(format!("here, {} for a leader that was {}", seconds(longest), cause.name()), longest);
        }
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The share of time that is served by what is `away` so long in each `every`, with as many
/// digits as tell it from all.
fn per_cent(away: Duration, every: Duration) -> String {
    let away = 100.0 * (away.as_secs_f64() / every.as_secs_f64()).min(1.0);
    let digits = (-away.log10()).ceil().clamp(2.0, 9.0) as usize;
    format!("{:.digits$} %", 100.0 - away)
}

/// A bar as long as `time` is of `whole`, in eighths of a column.
fn bar(time: Duration, whole: Duration) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    // A store that stood still may make it longer than any line.
    let columns = (BAR * time.as_secs_f64() / whole.as_secs_f64()).clamp(0.125, 1.5 * BAR);
    let eighths = (columns * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DAY, HOUR, bar, per_cent};

    #[test]
    fn the_arithmetic_is_the_books() {
        let seconds = Duration::from_secs;
        assert_eq!(per_cent(seconds(2), DAY), "99.998 %");
        assert_eq!(per_cent(seconds(300), DAY), "99.65 %");
        assert_eq!(per_cent(seconds(120), DAY), "99.86 %");
        assert_eq!(per_cent(seconds(120), HOUR), "96.67 %");
    }

    #[test]
    fn a_short_time_is_told_from_none() {
        assert_eq!(per_cent(Duration::from_millis(6), DAY), "99.999993 %");
        assert_eq!(per_cent(Duration::ZERO, DAY), "100.000000000 %");
    }

    #[test]
    fn a_bar_is_seen_however_short_and_ends_however_long() {
        let second = Duration::from_secs(1);
        assert_eq!(bar(Duration::ZERO, second), "▏");
        assert_eq!(bar(second, second).chars().count(), 24);
        assert_eq!(bar(second * 100, second).chars().count(), 36);
    }
}
