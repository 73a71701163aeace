//! Hit rates over time, as lines of text.

/// How many lines a chart has: one for each ten in a hundred.
const ROWS: usize = 10;

/// Draws one course of hit rates, or two: `●` is the first, `○` the second, `◉` both.
///
/// ```text
/// 100 %│
///      │●●●●  ●●●●
///      │◉◉    ○○○○
///   0 %└──┴──────┴────────
///       killed  back
/// ```
pub fn chart(first: &[f64], second: Option<&[f64]>, marks: &[(usize, &str)]) -> String {
    let row = |rate: f64| ((rate * ROWS as f64) as usize).min(ROWS - 1);
    let mut text = String::new();
    for line in (0..ROWS).rev() {
        let label = if line == ROWS - 1 { "100 %" } else { "" };
        let signs: String = (0..first.len())
            .map(|column| {
                let is_on = |rates: &[f64]| rates.get(column).is_some_and(|rate| row(*rate) == line);
                match (is_on(first), second.is_some_and(is_on)) {
                    (true, true) => '◉',
                    (true, false) => '●',
                    (false, true) => '○',
                    (false, false) => ' ',
                }
            })
            .collect();
        text.push_str(format!("{label:>6}│{signs}").trim_end());
        text.push('\n');
    }
    let axis = |column| if marks.iter().any(|(mark, _)| *mark == column) { '┴' } else { '─' };
    text.push_str(&format!("{:>6}└{}\n", "0 %", (0..first.len()).map(axis).collect::<String>()));
    let mut names = String::new();
    for (column, name) in marks {
        let gap = (7 + column).saturating_sub(names.chars().count());
        names.push_str(&format!("{:gap$}{name}", ""));
    }
    text.push_str(names.trim_end());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::chart;

    #[test]
    fn each_rate_is_drawn_once_and_in_its_line() {
        let drawn = chart(&[0.0, 1.0, 0.55], Some(&[0.05, 0.2, 0.99]), &[(1, "killed")]);
        let lines: Vec<_> = drawn.lines().collect();
        assert_eq!(lines[0], " 100 %│ ●○");
        assert_eq!(lines[4], "      │  ●");
        assert_eq!(lines[9], "      │◉");
        assert_eq!(lines[10], "   0 %└─┴─");
        assert_eq!(lines[11], "        killed");
        assert_eq!(drawn.matches(['●', '○', '◉']).count(), 5);
    }
}
