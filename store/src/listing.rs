//! Reading many keys, in order and within bounds.

use crate::{
    capabilities::Capabilities,
    entry::{Entry, Version},
};

/// The order of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// By key, as bytes.
    #[default]
    Key,
    /// By creation version, oldest first; keys of one commit by key.
    Created,
    /// By creation version, youngest first; keys of one commit by key, last first.
    CreatedDescending,
}

/// Which entries a listing returns.
///
/// # Examples
/// ```
/// use entourage_store::{Order, What};
///
/// let waiting = What::prefix("lock/printer/").ordered(Order::Created).limit(1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct What {
    pub(crate) prefix: String,
    pub(crate) exact: bool,
    pub(crate) after: Option<String>,
    pub(crate) order: Order,
    pub(crate) created_below: Option<Version>,
    pub(crate) limit: usize,
}

impl What {
    /// Every key that begins with `prefix`; the empty prefix is every key.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            exact: false,
            after: None,
            order: Order::Key,
            created_below: None,
            limit: Capabilities::MAX_LISTING,
        }
    }

    /// This key alone.
    pub fn key(key: impl Into<String>) -> Self {
        Self { exact: true, ..Self::prefix(key) }
    }

    /// Only keys after this one, which is how the next page of a listing is asked for.
    /// Only in [`Order::Key`].
    #[must_use]
    pub fn after(mut self, key: impl Into<String>) -> Self {
        self.after = Some(key.into());
        self
    }

    /// In this order.
    #[must_use]
    pub const fn ordered(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Only keys created before this version.
    #[must_use]
    pub const fn created_below(mut self, version: Version) -> Self {
        self.created_below = Some(version);
        self
    }

    /// At most this many entries; never more than [`Capabilities::MAX_LISTING`].
    #[must_use]
    pub const fn limit(mut self, entries: usize) -> Self {
        self.limit = if entries < Capabilities::MAX_LISTING { entries } else { Capabilities::MAX_LISTING };
        self
    }

    /// The prefix, or the one key when [`What::is_exact`].
    #[must_use]
    pub fn range(&self) -> &str {
        &self.prefix
    }

    /// Whether one key is asked for rather than a prefix.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.exact
    }

    /// The key after which the listing begins.
    #[must_use]
    pub fn start_after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The order asked for.
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }

    /// The creation version that entries must be below.
    #[must_use]
    pub const fn ceiling(&self) -> Option<Version> {
        self.created_below
    }

    /// The most entries asked for.
    #[must_use]
    pub const fn max_entries(&self) -> usize {
        self.limit
    }

    /// Whether this entry is among those asked for; order and limit aside.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        let named = if self.exact { entry.key == self.prefix } else { entry.key.starts_with(&self.prefix) };
        let later = self.after.as_ref().is_none_or(|after| entry.key > *after);
        let older = self.created_below.is_none_or(|ceiling| entry.created < ceiling);
        named && later && older
    }
}

/// Entries as they stood together at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The entries, in the order asked for.
    pub entries: Vec<Entry>,
    /// The version at which they stood; a watch after it misses nothing.
    pub as_of: Version,
    /// Whether the limit cut the listing short.
    pub more: bool,
}
