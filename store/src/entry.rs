//! What a store holds under a key.

use std::fmt;

use bytes::Bytes;

/// A store-wide commit number: strictly increasing, also over deletes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// Before the first commit.
    pub const ZERO: Self = Self(0);

    /// The commit of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key with its value, as of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Bytes,
    /// The commit that wrote this value.
    pub version: Version,
    /// The commit that created the key; a deleted and re-created key has a new one.
    pub created: Version,
}
