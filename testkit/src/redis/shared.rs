//! One server for many tests, each below a prefix of its own.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::Redis;

/// One server that many tests share, each below a prefix of its own; clones are the same server.
///
/// It is started for whoever asks first, and ended by [`SharedRedis::stop`]: what is held by a
/// test that hangs is never dropped.
#[derive(Clone, Default)]
pub struct SharedRedis {
    server: Arc<Mutex<Option<Redis>>>,
    prefixes: Arc<AtomicU64>,
}

impl SharedRedis {
    /// Where it listens for clients, as `host:port`.
    ///
    /// # Panics
    /// As [`Redis::start`].
    #[must_use]
    pub fn endpoint(&self) -> String {
        // A start that failed left nothing behind.
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.get_or_insert_with(Redis::start).endpoint()
    }

    /// A prefix that no other test has.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("case-{}", self.prefixes.fetch_add(1, Ordering::Relaxed))
    }

    /// Ends the server, if it was started.
    pub fn stop(&self) {
        drop(self.server.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl fmt::Debug for SharedRedis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRedis").finish_non_exhaustive()
    }
}
