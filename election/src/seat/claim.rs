//! The transactions of a try: the place in the queue, what is inherited, and the claim.

use std::sync::Arc;

use bytes::Bytes;
use entourage_core::planted;
use entourage_store::{Entry, Error as StoreError, Outcome, Test, Txn, Version};

use super::{Seat, Setback};
use crate::hold::Hold;

/// The own key, as it was written last.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) created: Version,
    version: Version,
    /// The epoch, if one was granted already.
    pub(super) epoch: Option<Version>,
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

impl Seat {
    /// Writes the own key; together with the fence if nobody seems to be there, which is the
    /// one transaction of an acquisition that nobody contends for.
    pub(super) async fn enqueue(&self, value: &Bytes, mut fence: Option<Test>) -> Result<Own, Setback> {
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
                        shared.took_fence(version);
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

    /// Looks whether whoever was first before has handed over; the epoch if so.
    ///
    /// The own key and the session are looked at with the fence, as a claim would look at them.
    async fn inherit(&self, own: &Own) -> Result<Option<Version>, Setback> {
        let shared = self.shared();
        let epoch = shared.vacated();
        // Who had gone before it came may have handed over to another.
        if epoch <= own.created {
            return Ok(None);
        }
        if planted("election-inherits-without-a-look") {
            return Ok(Some(epoch));
        }
        let look = Txn::new()
            .when(&shared.own, Test::Version(own.version))
            .when_held(shared.session.fence().clone())
            .when(&shared.setup.fence_key, Test::Version(epoch));
        let found = shared.setup.store.transact(look).await?;
        Ok(found.applied().map(|_| epoch))
    }

    /// Writes the fence, on condition that the own key stands there and the session with it.
    ///
    /// A claim whose answer was lost is repeated in a transaction that writes the own key too,
    /// so that the first can no longer apply after the second.
    pub(super) async fn claim(&self, mut own: Own, value: &Bytes) -> Result<Option<Claim>, Setback> {
        let shared = self.shared();
        let (store, key, setup) = (&shared.setup.store, &shared.own, &shared.setup);
        let session = &shared.session;
        let is_uncontended = own.epoch.is_some();
        let mut last = None;
        // Who finds its key there may have inherited in an earlier life, or have a claim under way;
        // and proposals name nobody.
        let may_inherit = !own.rewrite || planted("election-inherits-in-a-later-life");
        if own.epoch.is_none() && may_inherit && setup.identity.as_str() == value {
            own.epoch = self.inherit(&own).await?;
        }
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
                Err(StoreError::Unknown(_)) if planted("election-takes-silence-for-consent") => {
                    break own.version;
                }
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
        shared.took_fence(epoch);
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
