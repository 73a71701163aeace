//! What is owned, and the keys that it has in the store.

use std::{fmt, sync::Arc};

use entourage_core::{Scope, planted};
use entourage_store::SessionId;

use crate::fence;

/// Below these words lie the keys of all names, so they are nobody's name.
const RESERVED: [&str; 2] = ["fence", "resign"];

/// The name of something that has one owner at a time.
///
/// Contenders of `printer` keep their keys below `printer/`, which is the layout of etcd's own
/// tools. A name that itself contains `/` would lie among the contenders of another, so there
/// is none.
///
/// # Examples
/// ```
/// use entourage_election::Name;
///
/// assert!(Name::new("printer").is_ok());
/// assert!(Name::new("printer/left").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Longest name, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// This name.
    ///
    /// # Errors
    /// [`InvalidName`] for one that is empty, longer than [`Name::MAX_BYTES`], `fence` or
    /// `resign`, or that contains `/` or a control character.
    pub fn new(name: impl AsRef<str>) -> Result<Self, InvalidName> {
        let name = name.as_ref();
        let refused = |why| Err(InvalidName { name: name.chars().take(64).collect(), why });
        if name.is_empty() {
            return refused("is empty");
        }
        if name.len() > Self::MAX_BYTES {
            return refused("is longer than 256 bytes");
        }
        if name.contains('/') {
            return refused("contains '/', and would lie among the contenders of another name");
        }
        if name.chars().any(char::is_control) {
            return refused("contains a control character");
        }
        if RESERVED.contains(&name) {
            return refused("is reserved for the keys of all names");
        }
        Ok(Self(name.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the fences of this name exclude.
    pub(crate) fn scope(&self) -> Scope {
        Scope::new(Arc::clone(&self.0))
    }

    /// Below which the contenders' keys lie.
    pub(crate) fn prefix(&self) -> String {
        format!("{self}/")
    }

    /// The key of the contender with this session.
    pub(crate) fn key_of(&self, session: SessionId) -> String {
        let slash = if planted("election-keys-of-its-own") { '-' } else { '/' };
        format!("{self}{slash}{:x}", session.number)
    }

    /// The key whose version is the epoch. It lies outside the prefix, so that neither a
    /// proclamation nor a foreign contender disturbs it.
    pub(crate) fn fence_key(&self) -> String {
        fence::key_of(self.as_str())
    }

    /// The key by which the owner is asked to resign.
    pub(crate) fn resign_key(&self) -> String {
        format!("resign/{self}")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that cannot be laid out in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidName {
    name: String,
    why: &'static str,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name {:?} {}; choose another", self.name, self.why)
    }
}

impl std::error::Error for InvalidName {}

#[cfg(test)]
mod tests {
    use entourage_core::Realm;

    use super::*;

    #[test]
    fn a_name_that_would_lie_inside_another_is_refused() {
        for name in ["", "a/b", "/", "fence", "resign", "a\nb", "a\0", &"n".repeat(257)] {
            assert!(Name::new(name).is_err(), "{name:?}");
        }
        for name in ["a", "fences", "Größe", "a b", &"n".repeat(256)] {
            assert!(Name::new(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn the_keys_are_laid_out_as_etcds_own_tools_do() {
        let name = Name::new("printer").unwrap();
        let session = SessionId { realm: Realm::new(1), number: 0x694d_71dd_abcd_ef01 };
        assert_eq!(name.key_of(session), "printer/694d71ddabcdef01");
        assert!(!name.fence_key().starts_with(&name.prefix()));
        assert!(!name.resign_key().starts_with(&name.prefix()));
    }
}
