//! A lease on the store that keys can be tied to.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entourage_core::{Clock, Fence, Moment, Realm, Shutdown};

use crate::error::{Error, Result};

/// Names a session within one store's incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// The store that opened it.
    pub realm: Realm,
    /// Its number there.
    pub number: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:x}", self.realm, self.number)
    }
}

impl FromStr for SessionId {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) prints, so that an id survives a restart in a file.
    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (realm, number) = text.split_once('/')?;
            let realm = Realm::new(u128::from_str_radix(realm, 16).ok()?);
            Some(Self { realm, number: u64::from_str_radix(number, 16).ok()? })
        };
        parse().ok_or_else(|| {
            Error::Invalid(format!("{text:?} is not a session id (realm/number, in hexadecimal)"))
        })
    }
}

/// What the holder may believe of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// The last renewal was confirmed.
    Live {
        /// When it ends unless it is renewed.
        until: Moment,
    },
    /// A renewal was sent and its answer has not come, or was an error.
    Doubtful {
        /// When it surely ends for the holder unless a renewal is confirmed.
        until: Moment,
    },
    /// It ended, expired, or another incarnation resumed it. It never comes back.
    Lost,
}

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

/// What the holder knows, from answers it has seen.
#[derive(Debug)]
struct Belief {
    ttl: Duration,
    until: Moment,
    doubtful: bool,
    lost: bool,
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
        let belief = Belief { ttl, until: sent + ttl, doubtful: false, lost: false };
        Self { id, fence, clock, lease, belief: Mutex::new(belief) }
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
        let belief = self.belief();
        if belief.lost || self.clock.now() >= belief.until {
            Standing::Lost
        } else if belief.doubtful {
            Standing::Doubtful { until: belief.until }
        } else {
            Standing::Live { until: belief.until }
        }
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
        if self.standing() == Standing::Lost {
            self.belief().lost = true;
            return Err(Error::SessionLost { id: self.id });
        }
        let sent = self.clock.now();
        self.belief().doubtful = true;
        let answer = self.lease.renew().await;
        let mut belief = self.belief();
        // Whoever asked at the deadline was told that it is lost, and may have acted on it.
        belief.lost |= self.clock.now() >= belief.until;
        match answer {
            Ok(_) if belief.lost => Err(Error::SessionLost { id: self.id }),
            Ok(ttl) => {
                belief.ttl = ttl;
                // A late answer to an early request must not shorten what a later one gave.
                belief.until = belief.until.max(sent + ttl);
                belief.doubtful = false;
                Ok(sent)
            }
            Err(error) => {
                belief.lost |= error.is_session_lost();
                Err(error)
            }
        }
    }

    /// Renews at every third of the time to live until the session is lost or `shutdown` stops.
    ///
    /// Failed renewals are tried again at a tenth of the time to live: only the clock, or the
    /// store's own word, ends the session.
    ///
    /// # Cancel safety
    /// Dropped, the session expires unless somebody else renews it.
    pub async fn keep_alive(&self, shutdown: &Shutdown) {
        while let Standing::Live { until } | Standing::Doubtful { until } = self.standing() {
            let ttl = self.granted_ttl();
            let pause = match self.standing() {
                Standing::Live { .. } => ttl / 3,
                _ => ttl / 10,
            };
            let wake = (self.clock.now() + pause).min(until);
            tokio::select! {
                biased;
                () = shutdown.stopped() => return,
                () = self.clock.sleep_until(wake) => {}
            }
            // The answer changes the standing, which the loop reads; a lost answer must not
            // keep the loop past the deadline.
            tokio::select! {
                biased;
                () = shutdown.stopped() => return,
                _ = self.renew() => {}
                () = self.clock.sleep_until(until) => {}
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
        self.belief().lost = true;
        self.lease.end().await
    }

    fn belief(&self) -> std::sync::MutexGuard<'_, Belief> {
        // Every update leaves a whole value behind, even if a holder of the lock panics.
        self.belief.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use entourage_core::{PausedClock, Scope, sleep};

    use super::*;

    const TTL: Duration = Duration::from_secs(30);

    /// A store that takes its time, and fails for so many calls first.
    #[derive(Debug)]
    struct Slow {
        clock: PausedClock,
        takes: Duration,
        failing: AtomicU64,
        asked: AtomicU64,
    }

    #[async_trait::async_trait]
    impl Lease for Slow {
        async fn renew(&self) -> Result<Duration> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            sleep(&self.clock, self.takes).await;
            let failing = self.failing.load(Ordering::Relaxed);
            self.failing.store(failing.saturating_sub(1), Ordering::Relaxed);
            if failing > 0 { Err(Error::Unavailable("busy".into())) } else { Ok(TTL) }
        }

        async fn end(&self) -> Result<()> {
            Ok(())
        }
    }

    fn session(takes: Duration, failing: u64) -> (Arc<Slow>, Session) {
        let clock = PausedClock::new();
        let (failing, asked) = (AtomicU64::new(failing), AtomicU64::new(0));
        let lease = Arc::new(Slow { clock: clock.clone(), takes, failing, asked });
        let realm = Realm::new(7);
        let (id, fence) = (SessionId { realm, number: 1 }, Fence::new(realm, Scope::new("session/1"), 1));
        let sent = clock.now();
        (Arc::clone(&lease), Session::granted(id, fence, TTL, sent, Arc::new(clock), lease))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_after_the_deadline_brings_nothing_back() {
        let (lease, session) = session(TTL, 0);
        sleep(&lease.clock, TTL / 2).await;
        let (answer, ()) = tokio::join!(biased; session.renew(), async {
            sleep(&lease.clock, TTL / 2).await;
            assert_eq!(session.standing(), Standing::Lost);
        });
        assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
        assert_eq!(session.standing(), Standing::Lost);
    }

    #[tokio::test(start_paused = true)]
    async fn an_ended_session_is_not_renewed_by_a_late_answer() {
        let (_, session) = session(TTL / 3, 0);
        let (answer, ended) = tokio::join!(biased; session.renew(), session.end());
        assert!(ended.is_ok());
        assert!(matches!(answer, Err(Error::SessionLost { .. })), "{answer:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unconfirmed_renewal_leaves_the_session_doubtful_until_its_deadline() {
        let (lease, session) = session(Duration::ZERO, 1);
        let until = lease.clock.now() + TTL;
        sleep(&lease.clock, TTL / 3).await;
        assert!(session.renew().await.is_err());
        assert_eq!(session.standing(), Standing::Doubtful { until });
        lease.clock.sleep_until(until).await;
        assert_eq!(session.standing(), Standing::Lost);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_kept_alive_by_a_renewal_at_every_third_and_at_every_tenth_in_doubt() {
        let (lease, session) = session(Duration::ZERO, 2);
        let start = lease.clock.now();
        let shutdown = Shutdown::new();
        tokio::select! {
            biased;
            () = session.keep_alive(&shutdown) => panic!("{:?}", session.standing()),
            () = sleep(&lease.clock, TTL / 3 + TTL / 10 * 2 + TTL / 3) => {}
        }
        // Twice in vain, at a third and a tenth later, and twice to effect.
        assert_eq!(lease.asked.load(Ordering::Relaxed), 4);
        let Standing::Live { until } = session.standing() else { panic!("{:?}", session.standing()) };
        assert_eq!(until.since(start), TTL / 3 + TTL / 10 * 2 + TTL / 3 + TTL);
    }

    #[tokio::test(start_paused = true)]
    async fn keeping_a_session_alive_ends_at_its_deadline_when_no_answer_comes() {
        let (lease, session) = session(TTL * 100, 0);
        let start = lease.clock.now();
        session.keep_alive(&Shutdown::new()).await;
        assert_eq!(lease.clock.now().since(start), TTL);
        assert_eq!(session.standing(), Standing::Lost);
    }
}
