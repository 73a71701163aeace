//! What a source says there is, and what it left out.

use std::{collections::HashSet, fmt};

use entourage_core::planted;

use super::name::{InvalidName, ItemName};

/// The names of a source's items at one moment, each once, and what is not among them.
///
/// # Examples
/// ```
/// use entourage_workqueue::Listing;
///
/// let mut listing = Listing::builder();
/// for text in ["a", "b", "a", "c\n"] {
///     listing.offer(text);
/// }
/// let listing = listing.build();
/// assert_eq!(listing.names().iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
/// assert_eq!((listing.duplicates(), listing.skipped().count()), (1, 1));
/// assert!(listing.is_complete());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Listing {
    names: Vec<ItemName>,
    duplicates: u64,
    skipped: Skipped,
    missing: Vec<Missing>,
    is_cut: bool,
}

/// A part of what there is that could not be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// Which part, and why.
    pub reason: String,
}

/// Texts that were listed and name no item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    count: u64,
    examples: Vec<(String, InvalidName)>,
}

impl Skipped {
    const EXAMPLES: usize = 8;
    const EXAMPLE_CHARS: usize = 64;

    /// How many.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The first eight: up to 64 characters, escaped, and why they name nothing.
    #[must_use]
    pub fn examples(&self) -> &[(String, InvalidName)] {
        &self.examples
    }

    fn add(&mut self, text: &str, why: InvalidName) {
        self.count += 1;
        if self.examples.len() < Self::EXAMPLES {
            let shown = text.chars().flat_map(char::escape_debug).take(Self::EXAMPLE_CHARS);
            self.examples.push((shown.collect(), why));
        }
    }

    fn append(&mut self, other: Self) {
        self.count += other.count;
        let room = Self::EXAMPLES - self.examples.len();
        self.examples.extend(other.examples.into_iter().take(room));
    }
}

impl Listing {
    /// The most names that a listing has, unless told otherwise.
    pub const MAX_NAMES: usize = 1_000_000;

    /// One to be filled.
    #[must_use]
    pub fn builder() -> ListingBuilder {
        ListingBuilder { listing: Self::default(), seen: HashSet::new(), limit: Self::MAX_NAMES }
    }

    /// The names, each once, in the source's order.
    #[must_use]
    pub fn names(&self) -> &[ItemName] {
        &self.names
    }

    /// The names.
    #[must_use]
    pub fn into_names(self) -> Vec<ItemName> {
        self.names
    }

    /// How often a name came again.
    #[must_use]
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// What was listed and names no item; no worker will ever see it.
    #[must_use]
    pub const fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// What could not be listed, though it may be there.
    #[must_use]
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Whether an item that is not listed is really not there.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether a part is missing because it ends where its limit is: listing again does not help.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The same listing with those names only.
    #[must_use]
    pub(super) fn filtered(mut self, mut is_kept: impl FnMut(&ItemName) -> bool) -> Self {
        self.names.retain(|name| is_kept(name));
        self
    }
}

/// See [`Listing::builder`].
#[derive(Clone, Debug)]
pub struct ListingBuilder {
    listing: Listing,
    seen: HashSet<ItemName>,
    limit: usize,
}

impl ListingBuilder {
    /// At most this many names; of more the listing says that it is cut.
    #[must_use]
    pub const fn with_limit(mut self, names: usize) -> Self {
        self.limit = names;
        self
    }

    /// Adds the item of that name; a text that is none is counted and skipped.
    ///
    /// Answers whether there is room for more.
    pub fn offer(&mut self, text: &str) -> bool {
        if self.seen.contains(text) {
            self.listing.duplicates += 1;
            return true;
        }
        match ItemName::new(text) {
            Ok(name) => self.add(name),
            Err(why) => {
                self.skip(text, why);
                true
            }
        }
    }

    /// Adds a name, and answers whether there is room for more.
    pub fn add(&mut self, name: ItemName) -> bool {
        if self.seen.contains(&name) {
            self.listing.duplicates += 1;
        } else if self.listing.names.len() < self.limit {
            self.seen.insert(name.clone());
            self.listing.names.push(name);
        } else {
            self.listing.is_cut = true;
            return false;
        }
        true
    }

    /// Counts a name that came again.
    pub(super) const fn repeat(&mut self) {
        self.listing.duplicates += 1;
    }

    /// Counts a text that names no item.
    pub fn skip(&mut self, text: &str, why: InvalidName) {
        self.listing.skipped.add(text, why);
    }

    /// Says that a part is missing, and why; the first 64 reasons are kept.
    pub fn miss(&mut self, reason: impl Into<String>) {
        const REASONS: usize = 64;
        if self.listing.missing.len() < REASONS {
            self.listing.missing.push(Missing { reason: reason.into() });
        }
    }

    /// Takes over what another listing left out.
    pub(super) fn take_findings(&mut self, other: &mut Listing, of: impl fmt::Display) {
        self.listing.duplicates += other.duplicates;
        self.listing.is_cut |= other.is_cut;
        self.listing.skipped.append(std::mem::take(&mut other.skipped));
        for missing in other.missing.drain(..) {
            self.miss(format!("{of}: {}", missing.reason));
        }
    }

    /// The listing.
    #[must_use]
    pub fn build(mut self) -> Listing {
        if self.listing.is_cut && !planted("source-cut-is-complete") {
            let limit = self.limit;
            self.miss(format!("there are more than {limit} names, and those behind them are not listed"));
        }
        self.listing
    }
}
