//! A lease on the store that keys can be tied to.

mod belief;
mod id;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_core::{Clock, Fence, Moment, Shutdown, planted};

use crate::error::{Error, Result};

use self::belief::Belief;
pub use self::{belief::Standing, id::SessionId};

/// The store's side of a session, which a backend implements.
#[async_trait::async_trait]
pub trait Lease: fmt::Debug + Send + Sync + 'static {
    /// Extends the session to its full time to live and returns that time.
    ///
    /// # Errors
    /// [`Error::SessionLost`] once it has ended, expired or been resumed elsewhere.
    async fn renew(&self) -> Result<Duration>;

    /// Ends the session and deletes its keys; ending a lost one is no error.
    ///
    /// # Errors
    /// Those of the backend; the session then expires by itself.
    async fn end(&self) -> Result<()>;
}

/// A lease on the store that keys can be tied to: they are deleted when it ends.
///
/// Nothing renews it in secret. Drive [`Session::keep_alive`], or call [`Session::renew`];
/// what is not renewed expires. Dropping a session does *not* end it, so that a process that
/// restarts can [`resume`](crate::Store::resume) it.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    fence: Fence,
    clock: Arc<dyn Clock>,
    lease: Arc<dyn Lease>,
    belief: Mutex<Belief>,
}

impl Session {
    /// The holder's side of a session that a backend has just granted.
    ///
    /// `sent` is when the request was sent: the store's countdown cannot have begun before,
    /// so the holder's belief ends no later than the store's.
    pub fn granted(
        id: SessionId,
        fence: Fence,
        ttl: Duration,
        sent: Moment,
        clock: Arc<dyn Clock>,
        lease: Arc<dyn Lease>,
    ) -> Self {
        Self { id, fence, clock, lease, belief: Mutex::new(Belief::granted(ttl, sent)) }
    }

    /// Its name, with which it can be resumed.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The fence of this incarnation; resuming the session issues a higher one.
    #[must_use]
    pub const fn fence(&self) -> &Fence {
        &self.fence
    }

    /// The time to live that the store granted, which may be longer than what was asked.
    #[must_use]
    pub fn granted_ttl(&self) -> Duration {
        self.belief().ttl
    }

    /// What may be believed now. Reads the clock; never asks the store.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.belief().standing(self.clock.now())
    }

    /// Extends the session and returns when the request was *sent*, from which it now runs.
    ///
    /// # Errors
    /// [`Error::SessionLost`] when it has ended: stop what depends on it. So it is too when the
    /// store's answer comes after the deadline, because what is lost never comes back. With any
    /// other error it is [`Standing::Doubtful`] and runs on from the last confirmed renewal.
    ///
    /// # Cancel safety
    /// Dropped, the renewal may have happened; the session is doubtful until the next one.
    pub async fn renew(&self) -> Result<Moment> {
        let sent = self.clock.now();
        if !self.belief().ask(sent) {
            return Err(Error::SessionLost { id: self.id });
        }
        let answer = self.lease.renew().await;
        let stands = self.belief().hear(sent, self.clock.now(), &answer);
        match answer {
            Ok(_) if !stands => Err(Error::SessionLost { id: self.id }),
            answer => answer.map(|_| sent),
        }
    }

    /// Renews at every third of the time to live until the session is lost or `shutdown` stops.
    ///
    /// Failed renewals are tried again after a tenth of the time to live, and an answer that has
    /// not come within a third is awaited no longer: only the clock, or the store's own word,
    /// ends the session.
    ///
    /// # Cancel safety
    /// Dropped, the session expires unless somebody else renews it.
    pub async fn keep_alive(&self, shutdown: &Shutdown) {
        loop {
            let (until, part) = match self.standing() {
                Standing::Live { until } => (until, 3),
                Standing::Doubtful { until } => (until, 10),
                Standing::Lost => return,
            };
            let wake = (self.clock.now() + self.granted_ttl() / part).min(until);
            tokio::select! {
                biased;
                () = shutdown.stopped() => return,
                () = self.clock.sleep_until(wake) => {}
            }
            // The answer changes the standing, which the loop reads; one that is lost must cost
            // one try, and not keep the loop past the deadline.
            let patience = self.granted_ttl() / if planted("session-awaits-for-ever") { 1 } else { 3 };
            let give_up = (self.clock.now() + patience).min(until);
            tokio::select! {
                biased;
                () = shutdown.stopped() => return,
                _ = self.renew() => {}
                () = self.clock.sleep_until(give_up) => {}
            }
        }
    }

    /// Ends the session: its keys are deleted and watchers see it.
    ///
    /// # Errors
    /// Those of the backend; the session is lost for its holder all the same and expires.
    ///
    /// # Cancel safety
    /// Dropped, the session may have ended or not; it then expires.
    pub async fn end(&self) -> Result<()> {
        self.belief().lose();
        self.lease.end().await
    }

    fn belief(&self) -> MutexGuard<'_, Belief> {
        // Every update leaves a whole value behind, even if a holder of the lock panics.
        self.belief.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
