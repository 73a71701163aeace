//! Time that passes for a subject: by a clock that a case moves, or really.

use std::{future::Future, time::Duration};

use entourage_core::{Moment, sleep};

use super::Subject;
use crate::{Error, Outcome, Session, Standing, Store, Txn};

impl Subject {
    /// Whether time stands still until a case moves it.
    #[must_use]
    pub const fn has_manual_time(&self) -> bool {
        self.clock.is_some()
    }

    /// Lets time pass for the store.
    pub async fn advance(&self, by: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(by),
            None => sleep(&*self.store.clock(), by).await,
        }
    }

    /// Lets time pass up to a moment.
    pub async fn advance_to(&self, at: Moment) {
        self.advance(at.since(self.clock().now())).await;
    }

    /// What `future`, which lets so much time pass, gives; fails if it takes much longer.
    pub async fn soon_after<F: Future>(&self, time: Duration, what: &str, future: F) -> F::Output {
        self.patience.beyond(time).wait(what, future).await
    }

    /// A new session that a case can wait for the end of, with these keys, and the moment at
    /// which it is surely over.
    ///
    /// In real time it lives for longer if the machine was too slow to write the keys.
    pub async fn open_with(&self, mut ttl: Duration, keys: &[&str]) -> (Session, Moment) {
        loop {
            let session = self.open(ttl).await;
            let deadline = self.clock().now() + session.granted_ttl();
            let txn = keys.iter().fold(Txn::new(), |txn, key| txn.put_with(*key, "v", session.id()));
            match self.transact(txn).await {
                Ok(Outcome::Applied { .. }) => return (session, deadline),
                Err(Error::SessionLost { .. }) if self.is_late(&session) => ttl *= 2,
                other => panic!("{keys:?} should be tied to {session:?}, but: {other:?}"),
            }
        }
    }

    /// Whether real time, rather than the store, has ended a session.
    fn is_late(&self, session: &Session) -> bool {
        self.clock.is_none() && session.standing() == Standing::Lost
    }

    /// A time to live that a case can wait for the end of.
    #[must_use]
    pub fn short_ttl(&self) -> Duration {
        let short = Duration::from_secs(if self.has_manual_time() { 10 } else { 2 });
        self.capabilities().granted_ttl(short)
    }

    /// The least by which two times to live must differ for a case to tell them apart.
    #[must_use]
    pub fn ttl_gap(&self) -> Duration {
        self.capabilities().ttl_step.max(Duration::from_millis(300))
    }

    /// Runs `look` with a short time to live, and once more with a longer one while it answers
    /// `None`: what it saw came too late to mean anything.
    pub async fn in_time(&self, look: impl AsyncFn(Duration) -> Option<()>) {
        let mut ttl = self.short_ttl();
        for _ in 0..4 {
            if look(ttl).await.is_some() {
                return;
            }
            ttl *= 2;
        }
        panic!("no session stands before its deadline, though this was tried up to {:?}", ttl / 2);
    }

    /// Lets time pass to just before a moment: to the nanosecond, or three quarters of the way
    /// in real time.
    pub async fn advance_to_before(&self, at: Moment) {
        let left = at.since(self.clock().now());
        let left = if self.has_manual_time() { left - Duration::from_nanos(1) } else { left / 4 * 3 };
        self.advance(left).await;
    }

    /// Lets time pass to a session's deadline, where `is_over` must hold: at its first look, or
    /// at one of many where the store takes a while to notice.
    pub async fn advance_to_end(&self, deadline: Moment, what: &str, is_over: impl AsyncFn() -> bool) {
        self.advance_to(deadline).await;
        let lag = self.capabilities().expiry_lag;
        if lag.is_zero() || self.has_manual_time() {
            self.advance(lag).await;
            assert!(is_over().await, "{what} outlives its deadline");
            return;
        }
        let looking = async {
            while !is_over().await {
                self.advance(Duration::from_millis(20)).await;
            }
        };
        self.soon_after(lag, &format!("the end of {what}"), looking).await;
    }

    /// The same for a session that is soon over; `None` if it is by now.
    pub async fn take_over_in_time(&self, session: &Session) -> Option<Session> {
        match self.resume(session.id()).await {
            Ok(resumed) => Some(resumed),
            Err(Error::SessionLost { .. }) if self.is_late(session) => None,
            Err(error) => panic!("{session:?} cannot be resumed: {error:?}"),
        }
    }
}
