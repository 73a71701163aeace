//! What is owned, for as long as it is.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use entourage_core::{Fence, Moment, planted, sleep};
use entourage_store::{Error as StoreError, Outcome, SessionId, Test, Txn, Version};

use crate::{
    counts::End,
    error::Result,
    held::Held,
    hold::Hold,
    membership::is_worth_repeating,
    seat::{Claim, Seat},
    setup::Setup,
};

/// How guarded work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "work may have been cut short"]
pub enum Ran<T> {
    /// It ended while it was owned; then it was released.
    Finished(T),
    /// It ended within the grace time after the ownership had been lost.
    Late(T),
    /// It did not end within the grace time and was dropped; the lease was left to expire.
    Cut,
}

impl<T> Ran<T> {
    /// The output of work that ended while it was owned.
    pub fn finished(self) -> Option<T> {
        match self {
            Self::Finished(output) => Some(output),
            Self::Late(_) | Self::Cut => None,
        }
    }
}

/// The right to act alone, until it is released or lost.
///
/// [`Ownership::release`] says that nothing depends on it any more, and another is granted at
/// once. **Dropping it does not**: work may go on that nobody waits for, so renewals stop, and
/// another is granted when the lease has expired, after [`ttl`](crate::Timings::ttl) at the latest.
#[derive(Debug)]
#[must_use = "dropping an ownership leaves its lease to expire; release it"]
pub struct Ownership {
    held: Held,
    seat: Option<Seat>,
    created: Version,
    version: Version,
}

impl Ownership {
    pub(crate) fn new(setup: &Arc<Setup>, mut seat: Seat, claim: Claim) -> Self {
        seat.keep();
        let Claim { hold, epoch, created, version, is_uncontended } = claim;
        setup.counts.acquired(&hold, epoch.number(), is_uncontended);
        let own = (seat.shared().own.as_str(), created);
        let held = Held::new(Arc::clone(setup), hold, epoch, Some(own));
        tracing::info!(name = %setup.name, epoch = epoch.number(), "acquired");
        Self { held, seat: Some(seat), created, version }
    }

    /// The ownership of a program that has no rivals.
    pub(crate) fn alone(setup: &Arc<Setup>, epoch: Version) -> Self {
        let counts = Arc::clone(&setup.counts);
        let hold = Arc::new(Hold::new(Arc::clone(&setup.clock), Moment::NEVER, None, counts));
        setup.counts.acquired(&hold, epoch.number(), true);
        let held = Held::new(Arc::clone(setup), hold, epoch, None);
        Self { held, seat: None, created: epoch, version: epoch }
    }

    /// What the work is given, and may clone.
    #[must_use]
    pub fn held(&self) -> Held {
        self.held.clone()
    }

    /// As [`Held::fence`].
    #[must_use]
    pub const fn fence(&self) -> &Fence {
        self.held.fence()
    }

    /// As [`Held::is_held`].
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.is_held()
    }

    /// As [`Held::until`].
    #[must_use]
    pub fn until(&self) -> Moment {
        self.held.until()
    }

    /// As [`Held::lost`]. Cancel-safe.
    pub async fn lost(&self) {
        self.held.lost().await;
    }

    /// As [`Held::guard`].
    pub fn guard(&self, txn: Txn) -> Txn {
        self.held.guard(txn)
    }

    /// The session that it is tied to, with which a later life of this process can
    /// [`resume`](crate::LeaseLock::resume) it; `None` without one.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.seat.as_ref().map(|seat| seat.shared().session.id())
    }

    /// Its key among the contenders', and when that was created: what etcd's own tools show.
    #[must_use]
    pub fn key(&self) -> Option<(&str, Version)> {
        self.seat.as_ref().map(|seat| (seat.shared().own.as_str(), self.created))
    }

    /// Gives it up: nothing depends on it any more, and another may be granted at once.
    ///
    /// It is not held from the first moment of this call. What was lost before is cleared away
    /// all the same, so that nobody waits for it to expire.
    ///
    /// # Errors
    /// [`Error::Lost`](crate::Error::Lost) if it had ended before: work may have been done without it.
    /// [`Error::Store`](crate::Error::Store) if the store did not confirm it within the time to
    /// live; by then it has expired.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the rest to the driver, or to the lease's expiry.
    pub async fn release(mut self) -> Result<()> {
        let was_held = self.held.is_held();
        self.end(End::Released);
        let setup = Arc::clone(self.held.setup());
        if let Some(seat) = self.seat.take() {
            let withdrawn = seat.withdraw(self.created).await;
            if withdrawn.is_err() {
                setup.counts.unconfirmed.increment();
            }
            if was_held {
                withdrawn.map_err(|error| setup.failed(error))?;
            }
        }
        tracing::info!(name = %setup.name, epoch = self.held.fence().epoch(), was_held, "released");
        if was_held { Ok(()) } else { Err(setup.lost()) }
    }

    /// Runs work that ends with the ownership, and releases when the work has *ended*.
    ///
    /// [`Held::lost`] is the work's signal to stop. It has the
    /// [`grace`](crate::Timings::grace) time for it; then it is dropped, and the lease is left to
    /// expire, as it is if the work panics. What the work spawned itself is its own to stop: a
    /// release is sent when the future ends, and knows of nothing else.
    ///
    /// # Cancel safety
    /// Dropping the future drops the work, and leaves the lease to expire.
    pub async fn run<F, Fut, T>(self, work: F) -> Ran<T>
    where
        F: FnOnce(Held) -> Fut,
        Fut: Future<Output = T>,
    {
        let grace = self.grace();
        let clock = Arc::clone(&self.held.setup().clock);
        let ended = {
            let mut work = pin!(work(self.held.clone()));
            let early = tokio::select! {
                biased;
                () = self.held.lost() => None,
                output = &mut work => Some(output),
            };
            match early {
                Some(output) if self.held.is_held() => Ran::Finished(output),
                Some(output) => Ran::Late(output),
                None => {
                    if planted("election-releases-before-the-end")
                        && let Some(seat) = &self.seat
                    {
                        let _ = seat.shared().withdraw(self.created).await;
                    }
                    tokio::select! {
                        biased;
                        output = work => Ran::Late(output),
                        () = sleep(&*clock, grace) => Ran::Cut,
                    }
                }
            }
        };
        if matches!(ended, Ran::Cut) {
            self.held.setup().counts.cut.increment();
        } else {
            // That it was lost is in the answer; that the store did not confirm costs time only.
            let _ = self.release().await;
        }
        ended
    }

    /// How long work may take to stop.
    fn grace(&self) -> Duration {
        match &self.seat {
            Some(seat) => seat.shared().grace(),
            None => self.held.setup().timings.grace(),
        }
    }

    /// Ends the belief, and what watches over it.
    fn end(&self, how: End) {
        self.held.hold.end(how);
        self.held.hold.call_off();
    }

    /// Writes another value under the own key, on condition that it is still owned.
    pub(crate) async fn proclaim(&mut self, value: Bytes) -> Result<()> {
        let setup = Arc::clone(self.held.setup());
        // Without rivals there is no queue to show it in.
        let Some(seat) = &self.seat else { return Ok(()) };
        let shared = seat.shared();
        let mut backoff = setup.timings.backoff(setup.seed(self.version.number()));
        loop {
            if !self.held.is_held() {
                return Err(setup.lost());
            }
            let txn = Txn::new().when(&shared.own, Test::Version(self.version)).put_with(
                &shared.own,
                value.clone(),
                shared.session.id(),
            );
            let txn = self.held.guard(txn);
            let last = txn.conditions.len().saturating_sub(1);
            match setup.store.transact(txn).await {
                Ok(Outcome::Applied { version }) => {
                    self.version = version;
                    return Ok(());
                }
                // Written by a proclamation whose answer was lost, and by nobody else.
                Ok(Outcome::Refused { condition: 0, found: Some(entry) })
                    if entry.created == self.created =>
                {
                    self.version = entry.version;
                    if entry.value == value {
                        return Ok(());
                    }
                }
                Ok(Outcome::Refused { condition, .. }) => {
                    // The guard's last condition is the fence.
                    self.end(if condition == last { End::Fence } else { End::Key });
                    return Err(setup.lost());
                }
                Err(StoreError::SessionLost { .. }) => {
                    self.end(End::Session);
                    return Err(setup.lost());
                }
                Err(error) if is_worth_repeating(&error) => {
                    sleep(&*setup.clock, backoff.next_delay()).await;
                }
                Err(error) => return Err(setup.failed(error)),
            }
        }
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.end(End::Dropped);
    }
}
