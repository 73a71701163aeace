//! An item in the hands of one attempt.

use std::{fmt, mem, sync::Arc};

use entourage_core::Fence;

use crate::item::{Item, ItemId, Topic};

/// Names one attempt at one item of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt {
    /// The item's place in the queue's order of publishing.
    pub sequence: u64,
    /// The attempt's fence epoch, which no other attempt has.
    pub epoch: u64,
}

/// Where deliveries go that are dropped unsettled.
pub trait Returns: fmt::Debug + Send + Sync + 'static {
    /// Gives the item back with no attempt burnt. Must not block.
    fn give_back(&self, receipt: Receipt);
}

/// An item in the hands of one attempt: settled once, or given back when dropped.
///
/// It is deliberately not `Clone`, and settling consumes it:
/// ```compile_fail
/// fn twice(delivery: entourage_queue::Delivery) {
///     let first = entourage_queue::Step::new().accept(delivery);
///     let second = entourage_queue::Step::new().accept(delivery);
/// }
/// ```
#[must_use = "dropping a delivery gives it back"]
pub struct Delivery {
    topic: Topic,
    item: Item,
    fence: Fence,
    receipt: Receipt,
    retries: u32,
    lapses: u32,
    returns: Option<Arc<dyn Returns>>,
}

impl Delivery {
    /// A delivery that a backend has just leased.
    ///
    /// `retries` and `lapses` are those of earlier attempts.
    pub fn leased(
        topic: Topic,
        item: Item,
        fence: Fence,
        receipt: Receipt,
        (retries, lapses): (u32, u32),
        returns: Arc<dyn Returns>,
    ) -> Self {
        Self { topic, item, fence, receipt, retries, lapses, returns: Some(returns) }
    }

    /// Where it was published.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The item.
    #[must_use]
    pub const fn item(&self) -> &Item {
        &self.item
    }

    /// The item's name.
    #[must_use]
    pub const fn id(&self) -> &ItemId {
        self.item.id()
    }

    /// Proof of this attempt, to be checked where its effect happens. Its scope is the item's
    /// ordering key, or else its id; its epoch is above that of every earlier attempt.
    #[must_use]
    pub const fn fence(&self) -> &Fence {
        &self.fence
    }

    /// The number of this attempt, from 1: interruptions given back are not counted.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.retries.saturating_add(self.lapses).saturating_add(1)
    }

    /// How many earlier attempts ended in a retry.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// How many earlier attempts ended without a word: their worker died or ran out of time.
    #[must_use]
    pub const fn lapses(&self) -> u32 {
        self.lapses
    }

    /// What names this attempt to the backend.
    #[must_use]
    pub const fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// As [`Delivery::settled`], where the item is of no interest and is not to be moved.
    pub(crate) fn end(&mut self) {
        self.returns = None;
    }

    /// Ends the delivery without giving it back: a backend has settled it.
    pub fn settled(mut self) -> Item {
        self.returns = None;
        let item = Item::new(self.item.id().clone(), bytes::Bytes::new());
        mem::replace(&mut self.item, item)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(returns) = self.returns.take() {
            returns.give_back(self.receipt);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("topic", &self.topic)
            .field("id", self.item.id())
            .field("attempt", &self.attempt())
            .field("epoch", &self.receipt.epoch)
            .finish_non_exhaustive()
    }
}
