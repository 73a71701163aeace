//! How a queue in a file is opened.

use std::{sync::Arc, time::Duration};

use entourage_core::{Clock, Realm, SystemClock};

use crate::options::TopicOptions;

/// How a queue in a file is opened.
///
/// # Examples
/// ```
/// use entourage_queue::{SqliteQueueOptions, TopicOptions};
///
/// let topics = TopicOptions::new().with_capacity(100);
/// let options = SqliteQueueOptions::new().with_name("orders").with_topics(topics);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteQueueOptions {
    /// What its node in a blueprint is called.
    pub name: String,
    /// How topics are kept that nobody has configured.
    pub topics: TopicOptions,
    /// The realm that the file must be of; any if `None`.
    pub realm: Option<Realm>,
    /// Whether a file that comes from elsewhere is taken over, under a new realm.
    pub adopt: bool,
    /// The clock by which leases and delays are judged; its timeline tells a reboot.
    pub clock: Arc<dyn Clock>,
    /// How long a call waits, in time of the system's clock, for a file that others keep busy.
    pub patience: Duration,
}

impl SqliteQueueOptions {
    /// A queue called "queue" on the system's clock, whose topics have the usual options, with
    /// 5 seconds of patience.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: "queue".to_owned(),
            topics: TopicOptions::new(),
            realm: None,
            adopt: false,
            clock: Arc::new(SystemClock::new()),
            patience: Duration::from_secs(5),
        }
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

    /// Only if the file is of this realm.
    #[must_use]
    pub const fn with_realm(mut self, realm: Realm) -> Self {
        self.realm = Some(realm);
        self
    }

    /// Taking over a file that was copied, or brought from another machine, if `adopt`.
    ///
    /// It gets a new realm: fences of the original mean nothing to it, nor its own to
    /// whoever has seen the original's.
    #[must_use]
    pub const fn with_adopt(mut self, adopt: bool) -> Self {
        self.adopt = adopt;
        self
    }

    /// On this clock, which every process that shares the file must read.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With calls, and an opening, that wait this long while others keep the file busy, and
    /// then answer [`Error::Unavailable`](crate::Error::Unavailable).
    ///
    /// It counts in real time, also where [`with_clock`](Self::with_clock) gave another; a call
    /// may take a quarter of a second longer. A heartbeat waits as well, so keep it well below
    /// the shortest lease.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl Default for SqliteQueueOptions {
    fn default() -> Self {
        Self::new()
    }
}
