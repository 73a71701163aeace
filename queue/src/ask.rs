//! How much a receiver wants at once.

use std::time::Duration;

/// How much a receiver wants at once, and how long it will wait for it.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use entourage_queue::Ask;
///
/// let partials = Ask::up_to(64).at_least(2).same_bundle().wait(Duration::from_secs(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ask {
    /// Most items; capped by the backend's largest batch.
    pub max: usize,
    /// Fewest items: nothing is leased while fewer could be.
    pub at_least: usize,
    /// Whether all must be of one bundle. Items without a bundle make up one of their own.
    pub same_bundle: bool,
    /// Bytes of payload after which no further item is added to the fewest.
    pub max_bytes: usize,
    /// How long to wait for the fewest; then the answer is empty.
    pub wait: Duration,
}

impl Ask {
    /// From one up to `max` items, waiting for ever.
    #[must_use]
    pub const fn up_to(max: usize) -> Self {
        Self { max, at_least: 1, same_bundle: false, max_bytes: usize::MAX, wait: Duration::MAX }
    }

    /// Not fewer than `items`.
    #[must_use]
    pub const fn at_least(mut self, items: usize) -> Self {
        self.at_least = items;
        self
    }

    /// All of one bundle.
    #[must_use]
    pub const fn same_bundle(mut self) -> Self {
        self.same_bundle = true;
        self
    }

    /// No more items once their payloads come to `bytes`.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Waiting at most `wait`; zero asks once.
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}
