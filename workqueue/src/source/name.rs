//! What an item is called, and names derived from that.

use std::{borrow::Borrow, fmt, sync::Arc};

use entourage_core::planted;
use entourage_queue::ItemId;

use super::percent;
use crate::digest::{base32, sha256};

/// The name of an item: 1 to 1,024 bytes of UTF-8 without control characters.
///
/// It comes from strangers and may be `../x`, so it is never a path. What has to be safe is
/// derived from it, and no two names share what is derived: [`file_name`](Self::file_name),
/// [`dns_name`](Self::dns_name) and [`to_segment`](Self::to_segment).
///
/// # Examples
/// ```
/// use entourage_workqueue::ItemName;
///
/// let name = ItemName::new("clips/a b.mp4")?;
/// assert_eq!(name.to_segment(), "clips%2Fa%20b.mp4");
/// assert!(name.file_name().starts_with("clips_a_b.mp4~"));
/// assert!(name.dns_name().starts_with("clips-a-b-mp4-"));
/// assert_eq!(ItemName::new("a.mp4")?.file_name(), "a.mp4");
/// assert!(ItemName::new("a\0b").is_err());
/// # Ok::<_, entourage_workqueue::InvalidName>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemName(Arc<str>);

/// Why a text names no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// Nothing.
    #[error("the name of an item is empty")]
    Empty,
    /// More than [`ItemName::MAX_BYTES`].
    #[error("the name of an item has {bytes} bytes, and 1024 are the most")]
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// A control character, such as a line feed or NUL.
    #[error("the name of an item has a control character at byte {at}")]
    Control {
        /// Where.
        at: usize,
    },
    /// Bytes that are no text.
    #[error("the name of an item is no UTF-8")]
    NotText,
}

impl ItemName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 1_024;

    /// The longest name that is its own file name, in bytes.
    const MAX_PLAIN: usize = 128;

    /// The name, if it is one.
    ///
    /// # Errors
    /// [`InvalidName`], which says why it is none.
    pub fn new(text: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, InvalidName> {
        let name = text.as_ref();
        if name.is_empty() {
            return Err(InvalidName::Empty);
        }
        if name.len() > Self::MAX_BYTES {
            return Err(InvalidName::TooLong { bytes: name.len() });
        }
        if let Some(at) = name.find(char::is_control) {
            return Err(InvalidName::Control { at });
        }
        Ok(Self(text.into()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As the segment of a path in a URL: percent-encoded (RFC 3986), and never `.` or `..`.
    #[must_use]
    pub fn to_segment(&self) -> String {
        if planted("source-names-unescaped") { self.0.to_string() } else { percent::encode(&self.0) }
    }

    /// The name whose [`to_segment`](Self::to_segment) this is; other escapes are understood too.
    ///
    /// # Errors
    /// [`InvalidName::NotText`] for broken escapes; else as [`new`](Self::new).
    pub fn from_segment(segment: &str) -> Result<Self, InvalidName> {
        Self::new(percent::decode(segment).ok_or(InvalidName::NotText)?)
    }

    /// The name of a file or folder for this item, in one folder with those of all others.
    ///
    /// A name of at most 128 letters, digits, dots, underscores and hyphens, the first a letter or
    /// digit, is its own file name. Any other is a readable part, a tilde and 52 digits of a SHA-256.
    /// No two names share one, on a file system that tells upper case from lower.
    #[must_use]
    pub fn file_name(&self) -> String {
        let is_plain = self.0.len() <= Self::MAX_PLAIN
            && self.0.starts_with(|c: char| c.is_ascii_alphanumeric())
            && self.0.chars().all(is_plain_char);
        if is_plain {
            return self.0.to_string();
        }
        let readable = self.0.chars().map(|c| if is_plain_char(c) { c } else { '_' });
        let readable: String = readable.skip_while(|c| !c.is_ascii_alphanumeric()).take(64).collect();
        if planted("source-file-names-collide") {
            return readable;
        }
        format!("{readable}~{}", base32(&sha256(self.0.as_bytes()), 52))
    }

    /// A label of DNS (RFC 1123), as Kubernetes wants names: a readable part and 160 bits of a SHA-256.
    ///
    /// No two names share one. It has at most 63 characters; keep the name itself beside it.
    #[must_use]
    pub fn dns_name(&self) -> String {
        let mut readable = String::new();
        for c in self.0.chars().map(|c| c.to_ascii_lowercase()) {
            match c {
                'a'..='z' | '0'..='9' => readable.push(c),
                _ if readable.is_empty() || readable.ends_with('-') => {}
                _ => readable.push('-'),
            }
            if readable.len() == 30 {
                break;
            }
        }
        let readable = readable.trim_end_matches('-');
        let readable = if readable.is_empty() { "item" } else { readable };
        format!("{readable}-{}", base32(&sha256(self.0.as_bytes()), 32))
    }
}

const fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

impl Borrow<str> for ItemName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&ItemName> for ItemId {
    fn from(name: &ItemName) -> Self {
        Self::new(Arc::clone(&name.0))
    }
}

impl TryFrom<&str> for ItemName {
    type Error = InvalidName;

    fn try_from(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl fmt::Display for ItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{prelude::any, prop_assert, prop_assert_eq, prop_assert_ne, prop_assume, proptest};

    use super::*;

    /// Names that are alike: what a careless derivation maps to one.
    const ALIKE: &[&str] = &[
        "a/b",
        "a_b",
        "a%2Fb",
        "a%2fb",
        "a b",
        "a.b",
        "a-b",
        "A/B",
        "A_B",
        "../a",
        "..",
        ".",
        "...",
        "/a",
        "a/",
        "a//b",
        "~",
        "a~b",
        "%",
        "é",
        "e\u{301}",
        "-a",
        ".a",
        "_a",
        "item",
        "a\u{202e}b",
        "日本",
        "🦀",
    ];

    #[test]
    fn names_that_are_alike_share_nothing_that_is_derived() {
        for derive in [ItemName::to_segment, ItemName::file_name, ItemName::dns_name] {
            let mut seen = BTreeMap::new();
            for text in ALIKE {
                let derived = derive(&ItemName::new(*text).unwrap());
                assert_eq!(seen.insert(derived.clone(), text), None, "{derived} of {text:?}");
            }
        }
    }

    #[test]
    fn what_is_no_name_says_why() {
        let why = |text: &str| ItemName::new(text).unwrap_err();
        assert_eq!(why(""), InvalidName::Empty);
        assert_eq!(why("a\0"), InvalidName::Control { at: 1 });
        assert_eq!(why("é\n"), InvalidName::Control { at: 2 });
        assert_eq!(why("a\u{85}"), InvalidName::Control { at: 1 });
        assert_eq!(why(&"x".repeat(4_096)), InvalidName::TooLong { bytes: 4_096 });
        assert!(ItemName::new("x".repeat(1_024)).is_ok());
        assert_eq!(ItemName::from_segment("%00"), Err(InvalidName::Control { at: 0 }));
        assert_eq!(ItemName::from_segment("%FF"), Err(InvalidName::NotText));
    }

    proptest! {
        #[test]
        fn derived_names_are_safe_and_differ(a in "\\PC{1,80}", b in any::<String>()) {
            let Ok(name) = ItemName::new(a) else { return Ok(()) };
            let (file, dns) = (name.file_name(), name.dns_name());
            prop_assert!(file.len() <= 128 && !file.starts_with(['.', '-']) && !file.is_empty());
            prop_assert!(file.chars().all(|c| is_plain_char(c) || c == '~'));
            prop_assert!(dns.len() <= 63 && !dns.starts_with('-') && !dns.ends_with('-'));
            prop_assert!(dns.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            prop_assert_eq!(ItemName::from_segment(&name.to_segment()), Ok(name.clone()));
            let Ok(other) = ItemName::new(b) else { return Ok(()) };
            prop_assume!(other != name);
            prop_assert_ne!(other.file_name(), file);
            prop_assert_ne!(other.dns_name(), dns);
            prop_assert_ne!(other.to_segment(), name.to_segment());
        }
    }
}
