//! One try to come first, and what is given back after it.

mod claim;

use std::sync::Arc;

use bytes::Bytes;
use entourage_core::planted;
use entourage_store::{Error as StoreError, Version};

pub(crate) use self::claim::Claim;
use crate::{
    membership::{Membership, Shared, Turn},
    place::Place,
};

/// Why a try did not come to its end.
#[derive(Debug)]
pub(crate) enum Setback {
    /// The session is no more: try again with another.
    Lost,
    /// The store did not answer as it should.
    Store(StoreError),
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        if error.is_session_lost() { Self::Lost } else { Self::Store(error) }
    }
}

/// What becomes of the own key when the seat is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    /// It may be there, and nothing depends on it: the driver deletes it.
    Litter,
    /// Work may depend on it: it is left to expire.
    Expiring,
    /// There is none.
    Nothing,
}

/// The only contender of its session: what it wrote is its to clear away.
#[derive(Debug)]
pub(crate) struct Seat {
    membership: Arc<Membership>,
    turn: Option<Turn>,
    behind: Behind,
}

impl Seat {
    /// Takes the turn at this membership.
    pub(crate) fn take(membership: Arc<Membership>, turn: Turn) -> Self {
        membership.shared().enter();
        Self { membership, turn: Some(turn), behind: Behind::Litter }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.membership.shared()
    }

    /// Gives the turn back, because the session, and what was tied to it, is no more.
    pub(crate) fn abandon(mut self) -> Option<Turn> {
        self.behind = Behind::Nothing;
        self.turn.take()
    }

    /// Leaves what was granted to expire if the seat is dropped: work may depend on it.
    pub(crate) const fn keep(&mut self) {
        self.behind = Behind::Expiring;
    }

    /// Gives up what was granted, since nothing depends on it any more.
    pub(crate) const fn give_up(&mut self) {
        self.behind = Behind::Litter;
    }

    /// Gives up the place, and is sure of it when it returns.
    pub(crate) async fn withdraw(mut self, created: Version) -> Result<(), StoreError> {
        // Until it is confirmed, dropping this leaves it to the driver.
        self.give_up();
        self.shared().insist_on_withdrawing(created).await?;
        self.behind = Behind::Nothing;
        Ok(())
    }

    /// Contends until this is first and was granted.
    pub(crate) async fn contend(&self, value: &Bytes) -> Result<Claim, Setback> {
        let shared = self.shared();
        tokio::select! {
            biased;
            // First, so that nothing is claimed under a session that is no more.
            () = shared.closed() => Err(Setback::Lost),
            claim = self.come_first(value) => claim,
        }
    }

    async fn come_first(&self, value: &Bytes) -> Result<Claim, Setback> {
        loop {
            let mut own = self.enqueue(value, self.shared().fence_if_free()).await?;
            if !self.shared().came_alone(own.created).await
                && !planted("election-keeps-the-epoch-it-waited-with")
            {
                // Others may be, or were, granted before it: what it wrote is no epoch of its own then.
                own.epoch = None;
            }
            // The queue as the watch told it: nothing is sent before it is this one's turn.
            if self.shared().first(own.created).await == Place::First
                && let Some(claim) = self.claim(own, value).await?
            {
                return Ok(claim);
            }
            // An operator deleted the key, or an earlier life's: come again, as the last.
        }
    }

    /// Claims at once if nobody else is there, and else is gone again.
    pub(crate) async fn contend_now(&mut self, value: &Bytes) -> Result<Option<Claim>, Setback> {
        let shared = Arc::clone(self.shared());
        tokio::select! {
            biased;
            () = shared.closed() => Err(Setback::Lost),
            claim = self.come_first_now(value) => claim,
        }
    }

    async fn come_first_now(&mut self, value: &Bytes) -> Result<Option<Claim>, Setback> {
        let shared = Arc::clone(self.shared());
        self.behind = Behind::Nothing;
        let fence = match shared.fence_if_free() {
            Some(fence) => fence,
            // What the watch told may be old: ask.
            None => match shared.look().await? {
                Some(fence) => fence,
                None => return Ok(None),
            },
        };
        self.behind = Behind::Litter;
        let mut own = self.enqueue(value, Some(fence)).await?;
        if !shared.came_alone(own.created).await {
            own.epoch = None;
        }
        if shared.seen(own.created).await == Place::First {
            return self.claim(own, value).await;
        }
        shared.withdraw(own.created).await?;
        self.behind = Behind::Nothing;
        Ok(None)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let shared = self.membership.shared();
        match self.behind {
            Behind::Litter => shared.leave_litter(self.turn.take()),
            Behind::Expiring => shared.retire(),
            Behind::Nothing => shared.leave(),
        }
    }
}
