//! The file's lines, before they are YAML, and where they are none.

use std::borrow::Cow;

use super::{
    document::{LONGEST, too_long},
    invalid::{Invalid, Place, Problem},
};

/// What can be said of lines before they are YAML.
pub(super) fn check(text: &str) -> Result<(), Invalid> {
    if text.len() > LONGEST {
        return Err(too_long());
    }
    for (number, line) in text.lines().enumerate() {
        let place = |column| Place { line: number + 1, column };
        if let Some((at, found)) = line.chars().enumerate().find(|(_, c)| !may_stand(*c)) {
            return Err(Invalid::new(place(at + 1), Problem::Character(found)));
        }
        if let Some(at) = tab_before_text(line) {
            let (what, instead) =
                ("a tab before the text", "indent with spaces, and leave empty lines empty");
            return Err(Invalid::new(place(at + 1), Problem::Disallowed { what, instead }));
        }
        // Nothing but a marker begins so: text goes on in lines that are indented.
        let marker = |marker| {
            line.strip_prefix(marker).is_some_and(|rest| !rest.starts_with(|c| c != ' ' && c != '\t'))
        };
        if marker("---") || marker("...") {
            let (what, instead) = ("a marker of YAML documents", "remove the line: a file is one document");
            return Err(Invalid::new(place(1), Problem::Disallowed { what, instead }));
        }
        if line.starts_with('%') {
            let (what, instead) = ("a directive", "remove the line, or indent text that begins with `%`");
            return Err(Invalid::new(place(1), Problem::Disallowed { what, instead }));
        }
    }
    Ok(())
}

/// Where a tab stands before a line's text, dashes and what else begins entries not counted.
///
/// YAML 1.1 has none there outside of quotes: where text begins would be a matter of the width.
fn tab_before_text(line: &str) -> Option<usize> {
    let mut begins = true;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'\t' => return Some(at),
            b' ' => begins = true,
            b'-' | b'?' | b':' if begins => begins = false,
            _ => return None,
        }
    }
    None
}

/// Whether YAML 1.1 prints it and does not take it for the end of a line.
pub(super) fn may_stand(c: char) -> bool {
    c == '\t'
        || !(c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

/// The same with spaces for the tabs that stand between a key and its value.
///
/// YAML allows them there, and people line values up with them, but the parser refuses them
/// before a word. A line of quoted text that looks like a key has its tab changed too.
pub(super) fn without_tabs_after_keys(text: &str) -> Cow<'_, str> {
    if !text.contains(":\t") {
        return Cow::Borrowed(text);
    }
    let line = |line: &str| {
        let Some((key, value)) = line.split_once(":\t") else { return line.to_owned() };
        let is_key = key
            .trim_matches(' ')
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\''));
        let value_at = value.find(|c| c != ' ' && c != '\t');
        match value_at {
            Some(at) if is_key => format!("{key}: {}{}", " ".repeat(at), &value[at..]),
            _ => line.to_owned(),
        }
    };
    Cow::Owned(text.split_inclusive('\n').map(line).collect())
}

/// What the parser's complaint means, and in which line the reason for it stands.
///
/// Lines are counted from 1.
pub(super) fn explain(complaint: &str, line: usize, lines: &[&str]) -> (usize, Problem) {
    let line = line.clamp(1, lines.len().max(1));
    let disallowed = |what, instead| Problem::Disallowed { what, instead };
    let problem = match complaint {
        // It is seen only where the next key ends.
        "simple key expect ':'" | "simple key expected" => {
            let (found, wanted) = ("text without a colon and a space after it", "`key: value`");
            return (last_without_colon(line, lines), Problem::Shape { found, wanted });
        }
        "invalid indentation in quoted scalar" => {
            disallowed(OPEN_QUOTE, "close the quote, or indent the next line")
        }
        "mapping values are not allowed in this context" => {
            disallowed("a second colon", "indent keys alike, and put a value that has a colon in quotes")
        }
        "while parsing a block mapping, did not find expected key" => disallowed(
            "a line of this indentation",
            "indent the names of pools alike, and the keys of a pool",
        ),
        _ if complaint.contains("unknown anchor") => {
            disallowed("an alias", "write the value out, or in quotes where the `*` belongs to it")
        }
        _ if complaint.starts_with("unexpected character") => {
            disallowed("a character that begins no plain value", "put the value in quotes")
        }
        other => Problem::Yaml(other.to_owned()),
    };
    (line, problem)
}

/// Text in quotes that goes on at the left edge, which YAML 1.2 takes for the quote being open.
const OPEN_QUOTE: &str = "an open quote";

/// The last line from `line` upwards that has text and no key.
fn last_without_colon(line: usize, lines: &[&str]) -> usize {
    let is_text = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let has_key = |line: &str| line.contains(": ") || line.trim_end().ends_with(':');
    let before = (1..=line).rev().filter(|at| lines.get(at - 1).is_some_and(|line| is_text(line)));
    before.clone().find(|at| !has_key(lines[at - 1])).or_else(|| before.clone().next()).unwrap_or(line)
}
