//! Patterns of file names, matched in time linear in both.

use std::fmt;

/// A pattern of paths relative to a root.
///
/// `?` is any character and `*` any characters of one part of the path, `[a-z]` and `[!a-z]` are
/// classes, `**/` is any number of folders, and `**` at the end all that is below.
///
/// # Examples
/// ```
/// use entourage_workqueue::Glob;
///
/// let videos = Glob::new("**/*.mp[34]")?;
/// assert!(videos.matches("a.mp4") && videos.matches("clips/2026/b.mp3"));
/// assert!(!videos.matches("a.mp4/notes.txt"));
/// # Ok::<_, entourage_workqueue::InvalidGlob>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
    tokens: Vec<Token>,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no pattern: {why}")]
pub struct InvalidGlob {
    text: String,
    why: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    Any,
    Class {
        is_negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// Characters of one part.
    Star,
    /// Nothing, or whole folders with their slashes.
    Folders,
    /// All that is below.
    Rest,
}

impl Glob {
    /// The longest pattern, in characters.
    pub const MAX_CHARS: usize = 1_024;

    /// The pattern.
    ///
    /// # Errors
    /// [`InvalidGlob`] for an open class, a pattern that begins with a slash or climbs, or one that
    /// is empty or too long.
    pub fn new(text: &str) -> Result<Self, InvalidGlob> {
        let invalid = |why| InvalidGlob { text: text.chars().take(80).collect(), why };
        if text.is_empty() || text.chars().count() > Self::MAX_CHARS {
            return Err(invalid("it has no or more than 1024 characters"));
        }
        if text.starts_with('/') || text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(invalid("it is relative to the root, so no part of it is empty, \".\" or \"..\""));
        }
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let is_part_start = matches!(tokens.last(), None | Some(Token::Char('/') | Token::Folders));
            if let Some(after) = rest.strip_prefix("**/").filter(|_| is_part_start) {
                tokens.push(Token::Folders);
                rest = after;
                continue;
            }
            if rest == "**" && is_part_start {
                tokens.push(Token::Rest);
                break;
            }
            rest = &rest[c.len_utf8()..];
            match c {
                '*' if tokens.last() == Some(&Token::Star) => {}
                '*' => tokens.push(Token::Star),
                '?' => tokens.push(Token::Any),
                '[' => {
                    let (class, after) = class(rest).ok_or_else(|| invalid("a class is not closed"))?;
                    tokens.push(class);
                    rest = after;
                }
                c => tokens.push(Token::Char(c)),
            }
        }
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a pattern of `path`.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        // Where in the pattern one may be; a folder that has begun is a place of its own.
        let mut places = vec![Place::default(); self.tokens.len() + 1];
        places[0].is_here = true;
        self.follow(&mut places);
        for c in path.chars() {
            let mut next = vec![Place::default(); places.len()];
            for (at, token) in self.tokens.iter().enumerate() {
                let place = places[at];
                match token {
                    Token::Char(wanted) => next[at + 1].is_here |= place.is_here && c == *wanted,
                    Token::Any => next[at + 1].is_here |= place.is_here && c != '/',
                    Token::Class { is_negated, ranges } => {
                        let is_in = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                        next[at + 1].is_here |= place.is_here && c != '/' && is_in != *is_negated;
                    }
                    Token::Star => next[at].is_here |= place.is_here && c != '/',
                    Token::Folders if place.is_here || place.is_inside => {
                        next[at].is_inside |= c != '/';
                        next[at].is_here |= c == '/' && place.is_inside;
                    }
                    Token::Folders => {}
                    Token::Rest => next[at].is_here |= place.is_here,
                }
            }
            self.follow(&mut next);
            places = next;
        }
        places.last().is_some_and(|place| place.is_here)
    }

    /// Whether anything below a folder of the root can match.
    pub(super) fn descends(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Char('/') | Token::Folders | Token::Rest))
    }

    /// Steps over what may be nothing.
    fn follow(&self, places: &mut [Place]) {
        for (at, token) in self.tokens.iter().enumerate() {
            if places[at].is_here && matches!(token, Token::Star | Token::Folders | Token::Rest) {
                places[at + 1].is_here = true;
            }
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Place {
    is_here: bool,
    is_inside: bool,
}

/// A class without its opening bracket, and what stands behind it.
fn class(text: &str) -> Option<(Token, &str)> {
    let (is_negated, mut rest) = match text.strip_prefix(['!', '^']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut ranges = Vec::new();
    loop {
        let mut chars = rest.chars();
        let low = chars.next()?;
        // A bracket that comes first means itself.
        if low == ']' && !ranges.is_empty() {
            return Some((Token::Class { is_negated, ranges }, chars.as_str()));
        }
        let after = chars.as_str();
        let high = after.strip_prefix('-').and_then(|range| range.chars().next()).filter(|high| *high != ']');
        rest = match high {
            Some(high) => &after[1 + high.len_utf8()..],
            None => after,
        };
        ranges.push((low, high.unwrap_or(low)));
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Glob").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::any, proptest};

    use super::*;

    #[test]
    fn patterns_match_what_they_say() {
        for (pattern, matching, others) in [
            ("*", &["a", "a.mp4"][..], &["", "a/b"][..]),
            ("*.mp4", &["a.mp4", ".mp4"], &["a.mp3", "d/a.mp4", "a.mp4x"]),
            ("**", &["a", "a/b", "a/b/c"], &[]),
            ("**/*.mp4", &["a.mp4", "d/a.mp4", "d/e/a.mp4"], &["a.mp4/x", "d/a.mp3"]),
            ("d/**", &["d/a", "d/e/f"], &["a", "de/a"]),
            ("d/**/f", &["d/f", "d/e/f", "d/e/e/f"], &["f", "d/ef", "df"]),
            ("a?c", &["abc", "aéc"], &["a/c", "ac", "abbc"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x"]),
            ("[!a-c]x", &["dx"], &["ax", "/x"]),
            ("[]]", &["]"], &["["]),
            ("[a-]", &["a", "-"], &["b"]),
            ("a*b*c", &["abc", "axbxc", "abcbc"], &["abcb"]),
            ("a**b", &["ab", "axb"], &["a/b"]),
        ] {
            let glob = Glob::new(pattern).unwrap();
            for path in matching {
                assert!(glob.matches(path), "{pattern} matches {path:?}");
            }
            for path in others {
                assert!(!glob.matches(path) || path.is_empty() && pattern == "*", "{pattern} and {path:?}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "[a", "/a", "../*", "a/./b", "a//b", "a/", &"x".repeat(1_025)] {
            assert!(Glob::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_its_length_times_the_paths() {
        let glob = Glob::new(&"*a".repeat(500)).unwrap();
        assert!(!glob.matches(&format!("{}b", "a".repeat(1_000))));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_a_pattern_or_refused(text in "[a*?/\\[\\]!-]{0,12}", path in any::<String>()) {
            if let Ok(glob) = Glob::new(&text) {
                let _ = glob.matches(&path);
            }
        }
    }
}
