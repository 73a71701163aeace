//! The keys of a pool: which there are, and which of them a pool has.

use std::collections::BTreeMap;

use entourage_core::planted;

use super::{
    document::{Entry, Section, Text, Value},
    invalid::{Excerpt, Invalid, Place, Problem},
};

/// All keys of a pool.
const KEYS: [&str; 18] = [
    "auto_eject_hosts",
    "backlog",
    "client_connections",
    "distribution",
    "hash",
    "hash_tag",
    "listen",
    "preconnect",
    "redis",
    "redis_auth",
    "redis_db",
    "reuseport",
    "server_connections",
    "server_failure_limit",
    "server_retry_timeout",
    "servers",
    "tcpkeepalive",
    "timeout",
];

/// The keys that one pool has, each known and there once.
#[derive(Debug)]
pub(super) struct Keys<'d> {
    name: &'d Text,
    entries: BTreeMap<&'static str, &'d Entry>,
}

impl<'d> Keys<'d> {
    pub(super) fn of(section: &'d Section) -> Result<Self, Invalid> {
        let mut keys = Self { name: &section.name, entries: BTreeMap::new() };
        for entry in &section.entries {
            let Some(key) = KEYS.into_iter().find(|key| *key == entry.key.text) else {
                let (found, near) = (entry.key.excerpt(), nearest(&entry.key.text));
                return Err(keys.wrong(entry.key.at, None, Problem::UnknownKey { found, near }));
            };
            let first = keys.entries.insert(key, entry);
            if let Some(first) = first.filter(|_| !planted("nutcracker-last-key-wins")) {
                let problem = Problem::Duplicate { what: "the key".to_owned(), first: first.key.at.line };
                return Err(keys.wrong(entry.key.at, Some(key), problem));
            }
        }
        Ok(keys)
    }

    /// Where the pool begins.
    pub(super) fn at(&self) -> Place {
        self.name.at
    }

    /// Where a key stands, if the pool has it.
    pub(super) fn place(&self, key: &'static str) -> Option<Place> {
        self.entries.get(key).map(|entry| entry.key.at)
    }

    /// The value of a key that is not a list.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<&'d Text>, Invalid> {
        match self.entries.get(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::List(at, _)) => {
                let problem = Problem::Shape { found: "a list", wanted: "one value, in the line of its key" };
                Err(self.wrong(*at, Some(key), problem))
            }
        }
    }

    /// The entries of a key that is a list, and where they begin.
    pub(super) fn list(&self, key: &'static str) -> Result<Option<&'d [Text]>, Invalid> {
        match self.entries.get(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::List(_, list)) => Ok(Some(list)),
            Some(Value::Text(text)) => {
                let found = if text.text.is_empty() { "nothing" } else { "a plain value" };
                let wanted = "a list: one server a line, each after a dash";
                Err(self.wrong(text.at, Some(key), Problem::Shape { found, wanted }))
            }
        }
    }

    /// A number of at least `least`, as nutcracker reads it: digits alone.
    pub(super) fn number(&self, key: &'static str, least: u32) -> Result<Option<u32>, Invalid> {
        /// A C `int`, in which nutcracker keeps it.
        const MOST: u32 = i32::MAX.unsigned_abs();
        let Some(text) = self.text(key)? else { return Ok(None) };
        match digits(&text.text).filter(|number| (least..=MOST).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let found = text.excerpt();
                Err(self.wrong(text.at, Some(key), Problem::Number { found, least, most: MOST }))
            }
        }
    }

    /// A boolean; `false` where the key is not there.
    pub(super) fn boolean(&self, key: &'static str) -> Result<bool, Invalid> {
        let Some(text) = self.text(key)? else { return Ok(false) };
        match text.text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong(text.at, Some(key), Problem::Boolean { found: text.excerpt() })),
        }
    }

    /// The error that something is wrong with this pool.
    pub(super) fn wrong(&self, at: Place, key: Option<&'static str>, problem: Problem) -> Invalid {
        Invalid { pool: Some(self.pool()), key, ..Invalid::new(at, problem) }
    }

    /// The pool's name, for messages.
    pub(super) fn pool(&self) -> Excerpt {
        self.name.excerpt()
    }
}

/// A number that is written in digits and in nothing else.
pub(super) fn digits(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The key that is spelt most like this word, if one is spelt much like it.
fn nearest(word: &str) -> Option<&'static str> {
    // No key is so long, and the comparison takes time.
    if word.len() > 40 {
        return None;
    }
    let nearest = KEYS.into_iter().map(|key| (edits(key, word), key)).min()?;
    (nearest.0 <= 3 && nearest.0 * 2 < nearest.1.len()).then_some(nearest.1)
}

/// How many letters must be put in, left out or changed to make one word of the other
/// (Levenshtein's distance, by Wagner and Fischer).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], done + 1);
        for (at, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{digits, nearest};

    #[test]
    fn a_misspelt_key_is_recognised_and_a_foreign_word_is_not() {
        assert_eq!(nearest("tiemout"), Some("timeout"));
        assert_eq!(nearest("server"), Some("servers"));
        assert_eq!(nearest("auto_eject_host"), Some("auto_eject_hosts"));
        assert_eq!(nearest("Hash"), Some("hash"));
        assert_eq!(nearest("sentinels"), None);
        assert_eq!(nearest(""), None);
        assert_eq!(nearest(&"x".repeat(100_000)), None);
    }

    #[test]
    fn a_number_is_digits_and_nothing_else() {
        assert_eq!(digits("007"), Some(7));
        for text in ["", "+7", "-7", " 7", "7 ", "0x7", "7_0", "٧", "4294967296"] {
            assert_eq!(digits(text), None, "{text}");
        }
    }
}
