//! How a queue on a Redis is opened.

use std::sync::Arc;

use entourage_core::{Clock, Realm, SystemClock};
use entourage_engine::redis::RedisOptions;

use crate::options::TopicOptions;

/// How a queue on a Redis is opened.
///
/// # Examples
/// ```
/// use entourage_queue::{RedisOptions, RedisQueueOptions, TopicOptions};
///
/// let redis = RedisOptions::new("localhost", 6379).with_prefix("jobs");
/// let topics = TopicOptions::new().with_capacity(100);
/// let options = RedisQueueOptions::new(redis).with_name("orders").with_topics(topics);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisQueueOptions {
    /// Where the server is, and below which prefix the queue.
    pub redis: RedisOptions,
    /// What its node in a blueprint is called.
    pub name: String,
    /// How topics are kept that nobody has configured.
    pub topics: TopicOptions,
    /// The realm that the prefix must be of; any if `None`.
    pub realm: Option<Realm>,
    /// The clock by which receivers wait and beat; leases are judged by the server's.
    pub(super) clock: Arc<dyn Clock>,
}

impl RedisQueueOptions {
    /// A queue called "queue" whose topics have the usual options.
    #[must_use]
    pub fn new(redis: RedisOptions) -> Self {
        let (topics, clock) = (TopicOptions::new(), Arc::new(SystemClock::new()));
        Self { redis, name: "queue".to_owned(), topics, realm: None, clock }
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

    /// Only if the prefix is of this realm.
    #[must_use]
    pub const fn with_realm(mut self, realm: Realm) -> Self {
        self.realm = Some(realm);
        self
    }

    /// On this clock alone, which every handle of the prefix must be given.
    ///
    /// For the conformance suite, which moves a clock of its own.
    #[cfg(feature = "conformance")]
    #[must_use]
    pub fn with_judge(mut self, clock: Arc<dyn Clock>) -> Self {
        self.redis = self.redis.with_judge(Arc::clone(&clock));
        self.clock = clock;
        self
    }
}
