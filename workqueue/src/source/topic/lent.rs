//! A delivery that is lent for one call, and comes back however the call ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entourage_core::Moment;
use entourage_queue::Delivery;

use super::held::Held;
use crate::source::name::ItemName;

/// One delivery on loan from what is held; dropping it puts it back.
///
/// A delivery that was dropped itself would be given back to the topic while its item is in work.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    held: &'a Mutex<Held>,
    name: &'a ItemName,
    /// Always there before the end.
    delivery: Option<Delivery>,
    renewed: Option<Moment>,
}

impl<'a> Lent<'a> {
    /// None for one that is not held, or is on loan already.
    pub(super) fn of(held: &'a Arc<Mutex<Held>>, name: &'a ItemName) -> Option<Self> {
        let delivery = lock(held).lend(name)?;
        Some(Self { held, name, delivery: Some(delivery), renewed: None })
    }

    pub(super) const fn delivery(&self) -> &Delivery {
        self.delivery.as_ref().expect("it is taken out only when the loan ends")
    }

    /// Its time limit was moved at this moment.
    pub(super) const fn is_renewed(&mut self, at: Moment) {
        self.renewed = Some(at);
    }

    /// The topic has lent it to another, so it is held no longer.
    pub(super) fn lose(mut self) {
        lock(self.held).remove(self.name);
        self.delivery = None;
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            lock(self.held).put_back(self.name, delivery, self.renewed);
        }
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    // Each change is whole, so a panic elsewhere leaves nothing half done.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use entourage_core::timeout;
    use entourage_queue::{Ask, Item, MemoryQueue, Publication, Queue, SubscribeOptions};

    use super::*;
    use crate::source::Listing;

    #[tokio::test(start_paused = true)]
    async fn what_is_on_loan_comes_back_when_the_call_is_dropped() {
        let clock: Arc<dyn entourage_core::Clock> = Arc::new(entourage_core::PausedClock::new());
        let queue = MemoryQueue::with_clock(Arc::clone(&clock));
        queue.publish(vec![Publication::new("orders", Item::new("a", "{}"))]).await.unwrap();
        let (topics, group) = (["orders".into()], "kitchen".into());
        let joined = queue.subscribe(&topics, &group, SubscribeOptions::new()).await;
        let (mut receiver, _settler) = joined.unwrap();
        let delivery = receiver.receive(Ask::up_to(1)).await.unwrap().remove(0);
        let name = ItemName::new("a").unwrap();
        let held = Arc::new(Mutex::new(Held::new(Listing::builder())));
        assert!(lock(&held).hold(name.clone(), delivery, clock.now()).is_none());
        let call = async {
            let lent = Lent::of(&held, &name).unwrap();
            assert!(Lent::of(&held, &name).is_none(), "it is on loan");
            std::future::pending::<()>().await;
            drop(lent);
        };
        assert!(timeout(&*clock, std::time::Duration::from_secs(1), call).await.is_err());
        assert_eq!(queue.stats(&topics[0], &group).await.unwrap().in_flight, 1, "it was given back");
        assert!(lock(&held).take(&name).is_some());
    }
}
