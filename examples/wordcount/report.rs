//! What a person reads, and what a program reads.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::{counts::Note, run::Run};

/// Notes that are printed; the file has them all.
const PRINTED: usize = 20;

/// Columns of the longest bar.
const BAR: u64 = 40;

/// What one run has to say.
#[derive(Debug)]
pub struct Report {
    pub words: Run,
    /// All words, repetitions included.
    pub total: u64,
    pub files: u64,
    pub pages: u64,
    /// Pages that this run settled.
    pub counted: u64,
    pub skipped: Vec<Note>,
    pub more_skipped: u64,
}

impl Report {
    /// The table, the chart, the totals and what was skipped.
    pub fn print(&self, top: usize) -> String {
        let mut words: Vec<(u64, &str)> = self.words.iter().map(|(word, count)| (count, word)).collect();
        // The most frequent first; of one count, by the alphabet.
        let order = |(a, x): &(u64, &str), (b, y): &(u64, &str)| b.cmp(a).then_with(|| x.cmp(y));
        if top < words.len() {
            words.select_nth_unstable_by(top, order);
            words.truncate(top);
        }
        words.sort_unstable_by(order);
        let mut text = String::new();
        if !words.is_empty() {
            let _ = writeln!(text, "{}\n", self.table(&words));
        }
        let left_out = self.skipped.len() as u64 + self.more_skipped;
        let _ = writeln!(
            text,
            "{} words, {} different, in {} files and {} pages ({} counted by this run)",
            grouped(self.total),
            grouped(self.words.len()),
            grouped(self.files),
            grouped(self.pages),
            grouped(self.counted),
        );
        if left_out > 0 {
            let _ = writeln!(text, "\n{} skipped:", grouped(left_out));
            for note in self.skipped.iter().take(PRINTED) {
                let _ = writeln!(text, "  {}: {}", note.path, note.why);
            }
            if left_out > PRINTED as u64 {
                let _ = writeln!(text, "  and {} more (--out has them)", grouped(left_out - PRINTED as u64));
            }
        }
        text
    }

    fn table(&self, top: &[(u64, &str)]) -> Table {
        let most = top.first().map_or(1, |(count, _)| *count).max(1);
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(["word", "count", "share", ""]);
        for (count, word) in top {
            let share = 100.0 * *count as f64 / self.total.max(1) as f64;
            table.add_row([(*word).to_owned(), grouped(*count), format!("{share:.2} %"), bar(*count, most)]);
        }
        for column in [1, 2] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// Writes the JSON to `path`, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.tmp", std::process::id()));
        let written = File::create(&beside).and_then(|file| {
            let mut file = BufWriter::new(file);
            self.json(&mut file)?;
            file.into_inner()?.sync_all()?;
            fs::rename(&beside, path)
        });
        written
            .inspect_err(|_| drop(fs::remove_file(&beside)))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// `{"words":{…},"total":…,"pages":M,"counted":N,"skipped":[…]}`, words in order.
    fn json(&self, out: &mut impl Write) -> std::io::Result<()> {
        let skipped: Vec<_> =
            self.skipped.iter().map(|note| serde_json::json!({"path": note.path, "why": note.why})).collect();
        write!(out, "{{\"words\":{{")?;
        for (place, (word, count)) in self.words.iter().enumerate() {
            write!(out, "{}", if place == 0 { "" } else { "," })?;
            serde_json::to_writer(&mut *out, word)?;
            write!(out, ":{count}")?;
        }
        let (total, pages, counted) = (self.total, self.pages, self.counted);
        let skipped = serde_json::Value::from(skipped);
        writeln!(out, "}},\"total\":{total},\"pages\":{pages},\"counted\":{counted},\"skipped\":{skipped}}}")
    }
}

/// A bar as long as `count` is of `most`, in eighths of a column.
fn bar(count: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (count * BAR * 8).div_ceil(most);
    let full = "█".repeat((eighths / 8) as usize);
    full + EIGHTHS[(eighths % 8) as usize]
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{bar, grouped};

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_longest_bar_is_full_and_the_shortest_is_seen() {
        assert_eq!(bar(5, 5).chars().count(), 40);
        assert_eq!(bar(1, 1_000_000), "▏");
    }
}
