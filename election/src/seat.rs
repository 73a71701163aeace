//! One try to come first, and what is given back after it.

use std::sync::Arc;

use bytes::Bytes;
use entourage_core::planted;
use entourage_store::{Entry, Error as StoreError, Outcome, Test, Txn, Version};

use crate::{
    hold::Hold,
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

/// The own key, as it was written last.
#[derive(Clone, Debug)]
struct Own {
    created: Version,
    version: Version,
    /// The epoch, if the same commit wrote the fence.
    epoch: Option<Version>,
    /// Whether the claim must write it too.
    rewrite: bool,
}

/// What was granted.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) hold: Arc<Hold>,
    pub(crate) epoch: Version,
    /// When the own key was created, and written last.
    pub(crate) created: Version,
    pub(crate) version: Version,
    /// Whether nobody was there, so that the first transaction was the last.
    pub(crate) is_uncontended: bool,
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

    /// Contends until this is first and has claimed.
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

    /// Writes the own key; together with the fence if nobody seems to be there, which is the
    /// one transaction of an acquisition that nobody contends for.
    async fn enqueue(&self, value: &Bytes, mut fence: Option<Test>) -> Result<Own, Setback> {
        let shared = self.shared();
        let (store, key, fence_key) = (&shared.setup.store, &shared.own, &shared.setup.fence_key);
        loop {
            let session = &shared.session;
            let mut txn = Txn::new().when(key, Test::Absent).when_held(session.fence().clone());
            if let Some(test) = &fence {
                txn = txn.when(fence_key, test.clone()).put(fence_key, shared.setup.record(key));
            }
            txn = txn.put_with(key, value.clone(), session.id());
            match store.transact(txn).await {
                Ok(Outcome::Applied { version }) => {
                    let epoch = fence.is_some().then_some(version);
                    if epoch.is_some() {
                        shared.wrote_fence(version);
                    }
                    return Ok(Own { created: version, version, epoch, rewrite: false });
                }
                Ok(Outcome::Refused { condition: 0, found: Some(entry) }) => {
                    return Ok(Own::found(&entry));
                }
                Ok(Outcome::Refused { condition: 2, found }) => {
                    // Somebody was granted since: line up.
                    shared.saw_fence(found.as_ref());
                    fence = None;
                }
                Ok(Outcome::Refused { .. }) => return Err(Setback::Lost),
                Err(StoreError::Unknown(_)) => match store.get(key).await? {
                    // It happened, with the fence or without: the claim will write it.
                    Some(entry) => return Ok(Own::found(&entry)),
                    None => fence = None,
                },
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes the fence, on condition that the own key stands there and the session with it.
    ///
    /// A claim whose answer was lost is repeated in a transaction that writes the own key too,
    /// so that the first can no longer apply after the second.
    async fn claim(&self, mut own: Own, value: &Bytes) -> Result<Option<Claim>, Setback> {
        let shared = self.shared();
        let (store, key, setup) = (&shared.setup.store, &shared.own, &shared.setup);
        let session = &shared.session;
        let is_uncontended = own.epoch.is_some();
        let mut last = None;
        let epoch = loop {
            if let Some(epoch) = own.epoch {
                break epoch;
            }
            if planted("election-resumes-its-epoch")
                && let Some(fence) = store.get(&setup.fence_key).await?
                && fence.value == setup.record(key)
            {
                break fence.version;
            }
            let mut txn = Txn::new();
            if !planted("election-claims-without-its-key") {
                txn = txn.when(key, Test::Version(own.version)).when_held(session.fence().clone());
            }
            if own.rewrite {
                txn = txn.put_with(key, value.clone(), session.id());
            }
            match store.transact(txn.put(&setup.fence_key, setup.record(key))).await {
                Ok(Outcome::Applied { version }) => {
                    if own.rewrite {
                        own.version = version;
                    }
                    break version;
                }
                Ok(Outcome::Refused { condition: 0, found: Some(entry) }) if entry.created == own.created => {
                    // A repeated claim applied, and its answer was lost: claim once more.
                    own.version = entry.version;
                    own.rewrite = true;
                }
                Ok(Outcome::Refused { condition: 0, .. }) => return Ok(None),
                Ok(Outcome::Refused { .. }) => return Err(Setback::Lost),
                Err(error @ StoreError::Unknown(_)) => {
                    own.rewrite = true;
                    // Not at once a third time: the caller waits before it tries again.
                    if last.replace(own.version) == Some(own.version) {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        shared.wrote_fence(epoch);
        let epoch = if planted("election-epoch-is-the-creation") { own.created } else { epoch };
        let Some(hold) = shared.hold(own.created) else { return Err(Setback::Lost) };
        Ok(Some(Claim { hold, epoch, created: own.created, version: own.version, is_uncontended }))
    }
}

impl Own {
    /// The own key as it was found, from a request whose answer was lost or from an earlier
    /// incarnation. What else that asked for may still arrive, so the claim writes it anew.
    const fn found(entry: &Entry) -> Self {
        Self { created: entry.created, version: entry.version, epoch: None, rewrite: true }
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
