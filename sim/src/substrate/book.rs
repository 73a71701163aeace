//! The deliveries that a process holds.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entourage_queue::{Delivery, Group, Receipt, Receiver, Returns};

use crate::link::Link;

/// The deliveries that a subscription has handed to its process.
///
/// The process is given copies. The real ones stay here, so that what happens to them when
/// they are dropped depends on why: given back, given back after a partition, or never.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) link: Link,
    pub(super) group: Group,
    held: Mutex<BTreeMap<Receipt, Delivery>>,
}

impl Book {
    pub(super) const fn new(link: Link, group: Group) -> Self {
        Self { link, group, held: Mutex::new(BTreeMap::new()) }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Receipt, Delivery>> {
        // Every update leaves a whole map behind.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a delivery, and makes the one that the process is given.
    pub(super) fn enter(self: &Arc<Self>, delivery: Delivery) -> Delivery {
        let copy = copy(&delivery, Arc::clone(self) as Arc<dyn Returns>);
        let former = self.held().insert(delivery.receipt(), delivery);
        drop(former);
        copy
    }

    /// The queue has settled it: neither of the two is given back.
    pub(super) fn settle(&self, delivery: Delivery) {
        let real = self.held().remove(&delivery.receipt());
        drop(delivery.settled());
        if let Some(real) = real {
            drop(real.settled());
        }
    }

    /// The fence's scope as the record of grants names it.
    pub(super) fn resource(&self, delivery: &Delivery) -> String {
        format!("{}/{}/{}", self.group, delivery.topic(), delivery.fence().scope())
    }

    /// Drops something that the queue is to notice, when it can.
    pub(super) fn release(&self, burden: Burden) {
        let link = &self.link;
        let burden = Carried { link: link.clone(), burden: Some(burden) };
        if !link.is_dead() && link.world.is_cut(link.process) {
            // The agent does not run before the partition has healed.
            link.agent.spawn(async move { drop(burden) });
        } else {
            drop(burden);
        }
    }
}

impl Returns for Book {
    fn give_back(&self, receipt: Receipt) {
        let real = self.held().remove(&receipt);
        if let Some(real) = real {
            self.release(Burden::Delivery(real));
        }
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        let held = mem::take(self.held.get_mut().unwrap_or_else(PoisonError::into_inner));
        for real in held.into_values() {
            self.release(Burden::Delivery(real));
        }
    }
}

/// What gives something back when it is dropped.
#[derive(Debug)]
pub(super) enum Burden {
    Delivery(Delivery),
    Receiver(Box<dyn Receiver>),
}

/// Gives back what it carries, unless its process has died.
#[derive(Debug)]
struct Carried {
    link: Link,
    burden: Option<Burden>,
}

impl Drop for Carried {
    fn drop(&mut self) {
        let burden = self.burden.take();
        if !self.link.is_dead() {
            return drop(burden);
        }
        match burden {
            Some(Burden::Delivery(delivery)) => drop(delivery.settled()),
            Some(Burden::Receiver(receiver)) => self.link.world.bury(receiver),
            None => {}
        }
    }
}

/// A delivery of the same attempt, whose end is told to somebody else.
pub(super) fn copy(delivery: &Delivery, returns: Arc<dyn Returns>) -> Delivery {
    Delivery::leased(
        delivery.topic().clone(),
        delivery.item().clone(),
        delivery.fence().clone(),
        delivery.receipt(),
        (delivery.retries(), delivery.lapses()),
        returns,
    )
}
