//! The queues that are put to the proof.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use entourage::{
    core::{Backoff, SystemClock, sleep},
    queue::{Error, Group, MemoryQueue, Queue, RedisQueue, SqliteQueue, SubscribeOptions, Topic},
};

/// Where items come from.
pub(crate) fn topic() -> Topic {
    Topic::new("work")
}

/// Who works.
pub(crate) fn workers() -> Group {
    Group::new("workers")
}

/// How often an attempt may end without a word before its item is a dead letter. Nothing but what
/// kills each of its workers is so unlucky.
pub(crate) const DELIVERY_LIMIT: u32 = 6;

/// Where a queue is.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Memory(MemoryQueue),
    Sqlite(PathBuf),
    Redis(String),
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(_) => f.write_str("memory"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Redis(endpoint) => write!(f, "redis:{endpoint}"),
        }
    }
}

impl Backend {
    /// The backend of this text, as it is displayed.
    ///
    /// # Panics
    /// If another process cannot open it.
    pub(crate) fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some(("sqlite", path)) => Self::Sqlite(path.into()),
            Some(("redis", endpoint)) => Self::Redis(endpoint.to_owned()),
            _ => panic!("{text:?} is no backend that processes share"),
        }
    }

    /// Opens it, again while it is not available.
    pub(crate) async fn open(&self) -> Arc<dyn Queue> {
        let mut patience = Patience::new();
        loop {
            let opened: Result<Arc<dyn Queue>, Error> = match self {
                Self::Memory(queue) => Ok(Arc::new(queue.clone())),
                Self::Sqlite(path) => SqliteQueue::open(path).map(|queue| Arc::new(queue) as _),
                Self::Redis(endpoint) => {
                    let opened = RedisQueue::open(&format!("redis://{endpoint}/histories")).await;
                    opened.map(|queue| Arc::new(queue) as _)
                }
            };
            match opened {
                Ok(queue) => return queue,
                Err(error) => patience.with(error).await,
            }
        }
    }

    /// Leases of this length. In one process nobody can be silent, and an attempt ends by its time
    /// limit instead.
    pub(crate) fn options(&self, lease: Duration) -> SubscribeOptions {
        let options = SubscribeOptions::new().with_lease(lease).with_delivery_limit(DELIVERY_LIMIT);
        match self {
            Self::Memory(_) => options.with_time_limit(lease),
            Self::Sqlite(_) | Self::Redis(_) => options,
        }
    }
}

/// Waits between two tries, for as long as the queue only is not there.
#[derive(Debug)]
pub(crate) struct Patience(Backoff);

impl Patience {
    pub(crate) const fn new() -> Self {
        Self(Backoff::new(Duration::from_millis(5), Duration::from_millis(100), 1))
    }

    /// # Panics
    /// If it is another error.
    pub(crate) async fn with(&mut self, error: Error) {
        assert!(
            matches!(error, Error::Unavailable(_) | Error::Unknown(_)),
            "the queue has failed: {error:?}"
        );
        eprintln!("again: {error:?}");
        sleep(&SystemClock::new(), self.0.next_delay()).await;
    }
}
