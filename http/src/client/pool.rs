//! The few connections that wait for the next request.

use std::sync::{Mutex, MutexGuard, PoisonError};

use entourage_core::Moment;

use super::{limits::ClientLimits, link::Link, wire::Sent};

/// Idle connections, the latest used last: it is the one that surely still stands.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

/// A connection that nobody uses.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) link: Link,
    pub(super) sent: Sent,
    since: Moment,
}

impl Pool {
    /// The latest used connection; those that are too old are closed.
    pub(super) fn take(&self, limits: &ClientLimits, now: Moment) -> Option<Idle> {
        let mut idle = self.idle();
        let old: Vec<Idle> = idle
            .extract_if(.., |idle| {
                now.since(idle.since) >= limits.idle_time || now.since(idle.link.born) >= limits.age
            })
            .collect();
        let latest = idle.pop();
        drop(idle);
        // Closed outside the lock.
        drop(old);
        latest
    }

    /// Keeps a connection, at the cost of the one that is unused the longest.
    pub(super) fn keep(&self, limits: &ClientLimits, link: Link, sent: Sent, now: Moment) {
        if limits.idle == 0 {
            return;
        }
        let mut idle = self.idle();
        let surplus = (idle.len() >= limits.idle).then(|| idle.remove(0));
        idle.push(Idle { link, sent, since: now });
        drop(idle);
        drop(surplus);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // A panic while the lock is held leaves a whole list behind.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
