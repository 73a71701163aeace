//! How a queue in memory is made.

use entourage_core::Realm;

use crate::options::TopicOptions;

/// How a queue in memory is made.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use entourage_core::SystemClock;
/// use entourage_queue::{MemoryOptions, MemoryQueue, TopicOptions};
///
/// let small = MemoryOptions::new().with_name("orders").with_topics(TopicOptions::new().with_capacity(100));
/// let queue = MemoryQueue::with_options(Arc::new(SystemClock::new()), small);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryOptions {
    /// What its node in a blueprint is called.
    pub name: String,
    /// How topics are kept that nobody has configured.
    pub topics: TopicOptions,
    /// Its realm; drawn at random if `None`.
    pub realm: Option<Realm>,
}

impl MemoryOptions {
    /// A queue called "queue", in a realm of its own, whose topics have the usual options.
    #[must_use]
    pub fn new() -> Self {
        Self { name: "queue".to_owned(), topics: TopicOptions::new(), realm: None }
    }

    /// With this name in a blueprint.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With topics kept like this unless they are configured.
    #[must_use]
    pub const fn with_topics(mut self, topics: TopicOptions) -> Self {
        self.topics = topics;
        self
    }

    /// In this realm, for simulations that must be the same each time.
    #[must_use]
    pub const fn with_realm(mut self, realm: Realm) -> Self {
        self.realm = Some(realm);
        self
    }
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self::new()
    }
}
