//! One ownership as its work sees it.

use std::sync::Arc;

use entourage_core::{Fence, Moment, planted};
use entourage_store::{Condition, Test, Txn, Version};

use crate::{counts::End, hold::Hold, identity::Identity, setup::Setup};

/// One ownership as its work sees it; clones share it.
///
/// It tells whether the work may go on, and carries the fence for what the work writes to.
#[derive(Clone, Debug)]
pub struct Held {
    setup: Arc<Setup>,
    pub(crate) hold: Arc<Hold>,
    fence: Fence,
    /// What is true in the store for as long as nobody else may act.
    conditions: Arc<[Condition]>,
}

impl Held {
    /// `own` is the own key and when it was created; `None` where there is no queue.
    pub(crate) fn new(
        setup: Arc<Setup>,
        hold: Arc<Hold>,
        epoch: Version,
        own: Option<(&str, Version)>,
    ) -> Self {
        let fence = setup.fence(epoch);
        let own =
            own.map(|(key, created)| Condition::Key { key: key.to_owned(), test: Test::Created(created) });
        let conditions = own.into_iter().chain([setup.condition(&fence)]).collect();
        Self { setup, hold, fence, conditions }
    }

    /// Proof of this ownership: pass it on to whatever the work writes to.
    #[must_use]
    pub const fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Who owns, as it is stored beside the fence.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.setup.identity
    }

    /// Whether it is owned now: one look at the clock, and never at the store.
    ///
    /// False from [`hold`](crate::Timings::hold) after the last confirmed renewal was sent, and
    /// then for ever. The answer is old as soon as it is given, so an effect is guarded by the
    /// fence, not by asking first.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.hold.is_held()
    }

    /// Until when it is owned unless a renewal is confirmed; the past once it is not.
    #[must_use]
    pub fn until(&self) -> Moment {
        self.hold.until()
    }

    /// Waits until it is owned no longer. Cancel-safe.
    pub async fn lost(&self) {
        self.hold.lost().await;
    }

    /// `txn` for the same store, refused if this is owned no longer: a write that no former owner makes.
    ///
    /// It is refused as soon as anybody has been granted since, which the fence tells, and as soon as
    /// the own place in the queue is gone, so also while somebody owns who writes no fence, such
    /// as `etcdctl lock`. The two conditions come last: those that `txn` has keep their places.
    pub fn guard(&self, mut txn: Txn) -> Txn {
        if !planted("election-guards-nothing") {
            let alone = usize::from(planted("election-guards-by-the-fence-alone"));
            txn.conditions.extend(self.conditions.iter().skip(alone).cloned());
        }
        txn
    }

    pub(crate) const fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// Ends the belief though the lease goes on, so that the work stops.
    pub(crate) fn step_down(&self) {
        self.hold.end(End::Resigned);
    }
}
