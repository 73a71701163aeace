//! Why a file is refused: where, in which pool, and what to write instead.

use std::fmt;

/// Why a file is refused.
///
/// It prints as `line 7: pool "alpha": timeout: …`: where it is, what is wrong, what to write. A
/// password is never in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    pub(super) at: Place,
    pub(super) pool: Option<Excerpt>,
    pub(super) key: Option<&'static str>,
    /// Elsewhere, so that results are small.
    pub(super) problem: Box<Problem>,
}

impl Invalid {
    pub(super) fn new(at: Place, problem: Problem) -> Self {
        Self { at, pool: None, key: None, problem: Box::new(problem) }
    }

    /// The line, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.at.line
    }

    /// The column, from 1, in characters.
    #[must_use]
    pub const fn column(&self) -> usize {
        self.at.column
    }

    /// The key that it is about, where it is about one.
    #[must_use]
    pub const fn key(&self) -> Option<&'static str> {
        self.key
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.at.line)?;
        if let Some(pool) = &self.pool {
            write!(f, "pool {pool}: ")?;
        }
        if let Some(key) = self.key {
            write!(f, "{key}: ")?;
        }
        self.problem.fmt(f)
    }
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// More bytes than are read.
    #[error("the file is longer than {limit} bytes; split it over several proxies")]
    TooLong {
        /// The most bytes.
        limit: usize,
    },
    /// More pools, or more servers in one, than are served.
    #[error("more than {limit} {what}; split them over several proxies")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most of them.
        limit: usize,
    },
    /// Bytes that are no text.
    #[error("a byte here is not UTF-8; save the file as UTF-8")]
    NotUtf8,
    /// A character that is not printed.
    #[error("the character U+{:04X} may not stand here; remove it", u32::from(*.0))]
    Character(char),
    /// No YAML.
    #[error("this is not YAML: {0}")]
    Yaml(String),
    /// YAML, but of a kind that nutcracker refuses.
    #[error("{what} may not stand here; {instead}")]
    Disallowed {
        /// What it is.
        what: &'static str,
        /// What to do about it.
        instead: &'static str,
    },
    /// A list, a map or a plain value in the place of another.
    #[error("{found} stands here; write {wanted}")]
    Shape {
        /// What it is.
        found: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
    /// No pools.
    #[error("there is no pool; write its name and a colon, and below it, indented, `listen` and `servers`")]
    Empty,
    /// A key that nutcracker does not know either.
    #[error("{found} is no key of a pool{}", suggestion(*.near))]
    UnknownKey {
        /// What the file says.
        found: Excerpt,
        /// The key that is spelt most like it.
        near: Option<&'static str>,
    },
    /// A name, key or address for the second time.
    #[error("{what} is in line {first} already; remove one, or make them differ")]
    Duplicate {
        /// What is there twice.
        what: String,
        /// The line of the first.
        first: usize,
    },
    /// A key that every pool needs is not there.
    #[error("it is missing; write {write}")]
    Missing {
        /// What to write.
        write: &'static str,
    },
    /// Not a number, or none that may stand here.
    #[error("{found} is not a whole number from {least} to {most}; write one, in digits alone")]
    Number {
        /// What the file says.
        found: Excerpt,
        /// The least that may.
        least: u32,
        /// The most that may.
        most: u32,
    },
    /// Not a boolean.
    #[error("{found} is neither; write `true` or `false`, in lower case")]
    Boolean {
        /// What the file says.
        found: Excerpt,
    },
    /// None of the names that may stand here.
    #[error("{found} is not known; write one of {choices}")]
    Choice {
        /// What the file says.
        found: Excerpt,
        /// What may.
        choices: &'static str,
    },
    /// A value that is put together wrongly.
    #[error("{found}: {wrong}; write {write}")]
    Format {
        /// What the file says.
        found: Excerpt,
        /// What is wrong with it.
        wrong: &'static str,
        /// What to write.
        write: &'static str,
    },
    /// A password that is empty.
    #[error("the password is empty; write one, or remove the key")]
    EmptyPassword,
    /// A password for a pool whose protocol has none.
    #[error("memcached has no passwords; write `redis: true` too, or remove the key")]
    PasswordOfMemcached,
    /// No ring can be made of the servers.
    #[error("no ring can be made of these servers: {0}")]
    Ring(entourage_sharding::Error),
}

fn suggestion(near: Option<&str>) -> String {
    near.map_or_else(|| "; remove it, or correct it".to_owned(), |near| format!("; did you mean `{near}`?"))
}

/// A place in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1.
    pub(super) line: usize,
    /// From 1, in characters.
    pub(super) column: usize,
}

/// A few words of the file, as they may be printed: in quotes, and without the account of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// The most characters.
    const LONGEST: usize = 60;

    pub(super) fn of(text: &str) -> Self {
        let account =
            text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
        let text =
            account.map_or_else(|| text.to_owned(), |(scheme, (_, rest))| format!("{scheme}://***@{rest}"));
        let mut short: String = text.chars().take(Self::LONGEST).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        Self(format!("\"{}\"", short.escape_debug()))
    }

    /// The same without its words: they may be what must not be printed.
    pub(super) fn withheld() -> Self {
        Self("this value".to_owned())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
