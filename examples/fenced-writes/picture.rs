//! A sequence of messages between places, drawn line by line.

use std::time::Duration;

/// Whoever sends or receives, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    R1,
    Lock,
    R2,
    Document,
}

/// What is drawn across the lines of the places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Arrow(Place, Place, &'static str),
    /// An arrow that the network keeps before it arrives.
    Leaves(Place, Place, &'static str),
    /// The rest of it.
    Arrives(Place),
    At(Place, char),
    Nothing,
}

/// Columns between two places.
const APART: usize = 13;
/// Where each step's own text begins.
const TEXT: usize = 15 + 3 * APART + 4;

impl Place {
    const fn column(self) -> usize {
        APART * self as usize
    }
}

/// The places' names, above their lines.
pub fn head() -> String {
    let mut line = String::from("step   after   ");
    for name in ["R1", "lock", "R2", "document"] {
        line.push_str(&format!("{name:<APART$}"));
    }
    line.trim_end().to_owned()
}

/// One step: its number if it has one, when, what is drawn, and what is told beside it.
pub fn step(number: Option<u8>, after: Duration, mark: Mark, text: &str) -> String {
    let number = number.map_or_else(String::new, |number| number.to_string());
    let after = format!("{:.0} s", after.as_secs_f64());
    let line = format!("{number:>3}  {after:>7}   {}", across(mark));
    format!("{line:<TEXT$}{text}")
}

fn across(mark: Mark) -> String {
    let end = Place::Document.column();
    let mut line = vec![' '; end + 1];
    for place in [Place::R1, Place::Lock, Place::R2, Place::Document] {
        line[place.column()] = '│';
    }
    match mark {
        Mark::Arrow(from, to, label) => arrow(&mut line, from.column(), to.column(), '─', label),
        Mark::Leaves(from, to, label) => {
            let kept = to.column() - APART / 2;
            arrow(&mut line, from.column(), kept + 1, '╌', label);
            line[kept] = '…';
            line[kept + 1] = ' ';
        }
        Mark::Arrives(to) => {
            let kept = to.column() - APART / 2;
            arrow(&mut line, kept, to.column(), '╌', "");
            line[kept] = '…';
        }
        Mark::At(place, sign) => line[place.column()] = sign,
        Mark::Nothing => {}
    }
    line.into_iter().collect()
}

/// From one column to the next to another, over the lines between them.
fn arrow(line: &mut [char], from: usize, to: usize, dash: char, label: &str) {
    let to_the_right = from < to;
    let (left, right) = (from.min(to), from.max(to));
    for sign in &mut line[left + 1..right] {
        *sign = if *sign == '│' { '┼' } else { dash };
    }
    line[from] = if to_the_right { '├' } else { '┤' };
    if to_the_right {
        line[right - 1] = '▶';
    } else {
        line[left + 1] = '◀';
    }
    for (place, letter) in label.chars().enumerate() {
        line[left + 3 + place] = letter;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Mark, Place, across, head, step};

    #[test]
    fn arrows_end_beside_their_place_and_cross_those_between() {
        let rows = [
            (Mark::Nothing, "│            │            │            │"),
            (Mark::Arrow(Place::R1, Place::Lock, "acquire"), "├──acquire──▶│            │            │"),
            (Mark::Arrow(Place::R2, Place::Lock, "acquire"), "│            │◀─acquire───┤            │"),
            (Mark::Arrow(Place::R1, Place::Document, "PUT"), "├──PUT───────┼────────────┼───────────▶│"),
            (Mark::Leaves(Place::R1, Place::Document, "PUT"), "├╌╌PUT╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌…     │"),
            (Mark::Arrives(Place::Document), "│            │            │      …╌╌╌╌▶│"),
            (Mark::At(Place::R1, '×'), "×            │            │            │"),
        ];
        for (mark, row) in rows {
            assert_eq!(across(mark), row, "{mark:?}");
        }
    }

    #[test]
    fn steps_stand_below_their_head() {
        let line = step(Some(1), Duration::from_secs(12), Mark::Nothing, "R1 waits");
        let (of_head, of_line): (Vec<char>, Vec<char>) = (head().chars().collect(), line.chars().collect());
        let lock = of_head.iter().position(|sign| *sign == 'l').unwrap();
        assert_eq!(of_line[lock], '│');
        assert!(line.ends_with("│   R1 waits"), "{line}");
    }
}
