//! Files that are nearly right.

use entourage_ambassador::nutcracker::{Invalid, Problem};
use entourage_testkit::Rng;

/// What is put into a line.
const PIECES: [&str; 40] = [
    " ",
    "  ",
    "\t",
    ":",
    ": ",
    "-",
    "- ",
    "#",
    " #",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&",
    "*",
    "!",
    "|",
    ">",
    "%",
    "@",
    "?",
    "? ",
    "\\",
    "0",
    "1",
    "9",
    "-1",
    "99999",
    "99999999999",
    "true",
    "True",
    "a",
    "é",
    "\u{1}",
    "\n",
    "\r\n",
    "...",
];

/// Keys with values, of which not all go together.
const LINES: [&str; 24] = [
    "  timeout: 400",
    "  timeout: 0",
    "  hash: md5",
    "  hash: crc32",
    "  hash: sha1",
    "  distribution: modula",
    "  distribution: none",
    "  hash_tag: \"{}\"",
    "  hash_tag: {}",
    "  redis: true",
    "  redis: false",
    "  redis_auth: hunter2",
    "  redis_auth:",
    "  redis_db: 2",
    "  server_connections: 0",
    "  server_connections: 2",
    "  preconnect: yes",
    "  tcpkeepalive: true",
    "  nonsense: 1",
    "   - 127.0.0.1:1:1",
    "   - 127.0.0.1:1:2",
    "   - 127.0.0.1:2:1 name",
    "   - /run/x:1",
    "gamma:",
];

/// One of the files, changed in one to three places.
///
/// Where it listens is left as it is: nutcracker would resolve any name.
pub(super) fn mutate(rng: &mut Rng, files: &[String]) -> String {
    let mut lines: Vec<String> = pick(rng, files).split('\n').map(str::to_owned).collect();
    for _ in 0..rng.between(1..4) {
        let at = below(rng, lines.len());
        match rng.between(0..10) {
            0 if lines.len() > 1 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let other = below(rng, lines.len());
                lines.swap(at, other);
            }
            3 | 4 => lines.insert(at, (*pick(rng, &LINES)).to_owned()),
            5 => lines[at].insert(0, ' '),
            6 if lines[at].starts_with(' ') => drop(lines[at].remove(0)),
            _ if lines[at].contains("listen") || lines[at].contains("2212") => {}
            _ => lines[at] = mutate_line(rng, &lines[at]),
        }
    }
    lines.join("\n")
}

fn mutate_line(rng: &mut Rng, line: &str) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    let at = below(rng, chars.len() + 1);
    match rng.between(0..3) {
        0 if at < chars.len() => drop(chars.remove(at)),
        1 if at + 1 < chars.len() => chars.swap(at, at + 1),
        _ => {
            let piece = pick(rng, &PIECES);
            chars.splice(at..at, piece.chars());
        }
    }
    chars.into_iter().collect()
}

fn below(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(rng.between(0..count as u64)).expect("it is below a usize")
}

fn pick<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[below(rng, of.len())]
}

/// Whether this is refused on purpose although nutcracker takes it: see the exceptions.
pub(super) fn is_stricter(invalid: &Invalid) -> bool {
    match invalid.problem() {
        Problem::Format { wrong, found, .. } => {
            let never_works = [
                "there is no host before the port",
                "a bracket is not closed",
                "between the brackets is no address of IPv6",
                "what stands before the port is no host",
                "a character here may not stand in a host",
                "there is nothing between two dots of the host",
                "these numbers are no address of IPv4",
                "the permissions after the path are not octal from 0 to 0777",
                "the name after the space is empty or cannot be printed",
                "the path is longer than 107 bytes, the most that a socket may have",
                "a character here may not stand in a path",
            ];
            never_works.contains(wrong) || wraps(&found.to_string())
        }
        Problem::Number { found, .. } => wraps(&found.to_string()),
        Problem::Shape { .. } => invalid.key().is_some(),
        Problem::Duplicate { .. } => invalid.key() == Some("listen"),
        Problem::Ring(_) => true,
        Problem::Character(c) => matches!(c, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'),
        // Text in quotes may go on at the left edge there, and with tabs.
        Problem::Disallowed { what, .. } => ["a tab before the text", "an open quote"].contains(what),
        // YAML 1.2 wants a space before a comment.
        Problem::Yaml(what) => what == "comments must be separated from other tokens by whitespace",
        _ => false,
    }
}

/// Whether it has a number that wraps at 32 bits.
fn wraps(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 10)
}
