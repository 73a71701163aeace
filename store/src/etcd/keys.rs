//! Where a store's keys lie among those of its cluster.

use bytes::Bytes;
use etcd_client::KeyValue;

use crate::entry::{Entry, Version};

/// No text begins with this byte, and none goes on with it: in the order of bytes it stands
/// behind every key that a caller can name.
const BEYOND: u8 = 0xff;
/// The first key there is; etcd knows no empty one.
const FIRST: &[u8] = &[0];

/// The part of a cluster's keys that a store owns: its callers' keys below a prefix, as plain
/// text, and behind them its sessions, which no caller can name.
#[derive(Clone, Debug)]
pub(super) struct Keyspace {
    root: String,
}

/// Keys from the first, up to the last and without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Vec<u8>,
    pub(super) end: Vec<u8>,
}

impl Span {
    pub(super) fn is_empty(&self) -> bool {
        self.first >= self.end
    }
}

impl Keyspace {
    pub(super) fn new(root: &str) -> Self {
        Self { root: root.to_owned() }
    }

    /// The cluster's name of a caller's key.
    pub(super) fn key(&self, key: &str) -> Vec<u8> {
        [self.root.as_bytes(), key.as_bytes()].concat()
    }

    /// Every key of a caller that begins with `prefix`, from behind `after` on.
    pub(super) fn span(&self, prefix: &str, after: Option<&str>) -> Span {
        let mut end = self.key(prefix);
        end.push(BEYOND);
        let mut first = self.key(prefix);
        if let Some(after) = after.map(|after| [self.key(after).as_slice(), FIRST].concat()) {
            first = first.max(after);
        }
        if prefix.is_empty() {
            // The bare root is no caller's key: none is empty.
            first = first.max([self.root.as_bytes(), FIRST].concat());
        }
        Span { first, end }
    }

    /// A key that nobody writes, which whoever may read the store's keys may read.
    pub(super) fn probe(&self) -> Vec<u8> {
        let mut key = self.key("");
        key.push(BEYOND);
        key
    }

    /// What stands for a session; it is tied to the session's lease.
    pub(super) fn session(&self, number: u64) -> Vec<u8> {
        let mut key = self.probe();
        key.extend_from_slice(format!("session/{number:x}").as_bytes());
        key
    }

    /// The entry as the caller names it; `None` if others wrote a key there that is no text.
    pub(super) fn entry(&self, found: KeyValue) -> Option<Entry> {
        let (version, created) = (version(found.mod_revision()), version(found.create_revision()));
        let (key, value) = found.into_key_value();
        Some(Entry { key: self.inside(&key)?, value: Bytes::from(value), version, created })
    }

    /// The caller's name of a cluster's key.
    pub(super) fn inside(&self, key: &[u8]) -> Option<String> {
        let inside = key.strip_prefix(self.root.as_bytes()).filter(|inside| !inside.is_empty())?;
        std::str::from_utf8(inside).ok().map(str::to_owned)
    }
}

/// A revision as a version. etcd counts up from one.
pub(super) fn version(revision: i64) -> Version {
    Version::new(u64::try_from(revision).unwrap_or_default())
}

/// A version as a revision; `None` if no revision can be so high.
pub(super) fn revision(version: Version) -> Option<i64> {
    i64::try_from(version.number()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_behind_every_text_with_its_prefix_and_before_the_sessions() {
        for root in ["", "team-a/", "\u{10ffff}"] {
            let keys = Keyspace::new(root);
            for prefix in ["", "a", "a\u{10ffff}", "\u{10ffff}"] {
                let span = keys.span(prefix, None);
                for tail in ["", "\0", "\u{7f}", "\u{d7ff}", "\u{10ffff}\u{10ffff}"] {
                    let key = keys.key(&format!("{prefix}{tail}"));
                    if key == root.as_bytes() {
                        continue;
                    }
                    assert!(span.first <= key && key < span.end, "{root:?} {prefix:?} {tail:?}");
                }
                assert!(keys.session(7) >= span.end, "{root:?} {prefix:?}");
            }
            assert!(!keys.span("a", None).is_empty());
            assert!(keys.key("b") >= keys.span("a", None).end);
        }
    }

    #[test]
    fn a_page_begins_behind_the_key_before_it_and_never_before_its_prefix() {
        let keys = Keyspace::new("r/");
        assert_eq!(keys.span("a", Some("ab")).first, b"r/ab\0");
        assert_eq!(keys.span("b", Some("ab")).first, b"r/b");
        assert!(keys.span("a", Some("b")).is_empty());
    }

    #[test]
    fn sessions_of_another_prefix_are_others() {
        assert_ne!(Keyspace::new("a/").session(7), Keyspace::new("b/").session(7));
        assert_eq!(Keyspace::new("a/").inside(b"a/k").as_deref(), Some("k"));
        assert_eq!(Keyspace::new("a/").inside(b"b/k"), None);
        assert_eq!(Keyspace::new("a/").inside(b"a/"), None);
        assert_eq!(Keyspace::new("a/").inside(b"a/\xffsession/7"), None);
    }
}
