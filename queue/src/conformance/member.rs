//! A member of a group, whose every call is bounded.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use super::patience::{Patience, turns, within_turns};
use crate::{
    Applied, Ask, Delivery, Error, Receipt, Receiver, Record, Result, Returns, Settler, Step, Unapplied,
};

/// A receiver and its settler. Its methods are steps whose failure fails the case.
#[derive(Debug)]
pub struct Member {
    /// Locked by nobody: it makes a member `Sync`, so that a task may share one.
    receiver: Mutex<Box<dyn Receiver>>,
    settler: Arc<dyn Settler>,
    patience: Patience,
}

impl Member {
    pub(crate) fn new(receiver: Box<dyn Receiver>, settler: Arc<dyn Settler>, patience: Patience) -> Self {
        Self { receiver: Mutex::new(receiver), settler, patience }
    }

    /// The receiver itself.
    pub fn receiver(&mut self) -> &mut dyn Receiver {
        &mut **self.receiver.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The settler itself.
    #[must_use]
    pub fn settler(&self) -> Arc<dyn Settler> {
        Arc::clone(&self.settler)
    }

    /// The receiver and its settler.
    #[must_use]
    pub fn into_parts(self) -> (Box<dyn Receiver>, Arc<dyn Settler>) {
        (self.receiver.into_inner().unwrap_or_else(PoisonError::into_inner), self.settler)
    }

    /// The answer to `ask`, be it an error.
    pub async fn answer(&mut self, ask: Ask) -> Result<Vec<Delivery>> {
        let patience = self.patience;
        patience.wait("receiving", self.receiver().receive(ask)).await
    }

    /// What is received.
    pub async fn receive(&mut self, ask: Ask) -> Vec<Delivery> {
        self.answer(ask).await.unwrap_or_else(|error| panic!("{ask:?} cannot be received: {error:?}"))
    }

    /// What can be received now, up to `max`.
    pub async fn ready(&mut self, max: usize) -> Vec<Delivery> {
        self.receive(Ask::up_to(max).wait(Duration::ZERO)).await
    }

    /// The next item.
    pub async fn take(&mut self) -> Delivery {
        let mut deliveries = self.receive(Ask::up_to(1)).await;
        assert_eq!(deliveries.len(), 1, "one item was asked for");
        deliveries.remove(0)
    }

    /// Exactly so many items.
    pub async fn take_many(&mut self, items: usize) -> Vec<Delivery> {
        let deliveries = self.receive(Ask::up_to(items).at_least(items)).await;
        assert_eq!(deliveries.len(), items, "so many items were asked for");
        deliveries
    }

    /// Fails if there is anything to be received now.
    pub async fn finds_nothing(&mut self) {
        let found = self.ready(10).await;
        assert!(found.is_empty(), "nothing should be ready, but: {found:?}");
    }

    /// Receives and accepts all that is ready now; the ids in their order.
    pub async fn drain(&mut self) -> Vec<String> {
        let mut drained = Vec::new();
        loop {
            let deliveries = self.ready(10).await;
            if deliveries.is_empty() {
                return drained;
            }
            drained.extend(ids(&deliveries));
            self.step(Step { accept: deliveries, ..Step::new() }).await;
        }
    }

    /// Gives everything back.
    pub async fn close(&mut self) {
        let patience = self.patience;
        let closed = patience.wait("closing", self.receiver().close()).await;
        closed.unwrap_or_else(|error| panic!("the receiver cannot be closed: {error:?}"));
    }

    /// The answer to `step`, be it an error.
    pub async fn try_step(&self, step: Step) -> Result<Applied, Unapplied> {
        self.patience.wait("stepping", self.settler.step(step)).await
    }

    /// What `step` did.
    pub async fn step(&self, step: Step) -> Applied {
        self.try_step(step).await.unwrap_or_else(|unapplied| panic!("a step should apply: {unapplied:?}"))
    }

    /// What `step` gives back, which must not apply.
    pub async fn unapplied(&self, step: Step) -> Unapplied {
        match self.try_step(step).await {
            Err(unapplied) => unapplied,
            Ok(applied) => panic!("a step should not apply, but: {applied:?}"),
        }
    }

    /// The ids that `step` is stale for, and the step.
    pub async fn stale(&self, step: Step) -> (Vec<String>, Step) {
        let Unapplied { step, error } = self.unapplied(step).await;
        match error {
            Error::Stale { ids } => (ids.iter().map(|id| id.as_str().to_owned()).collect(), *step),
            other => panic!("the step should be stale, but: {other:?}"),
        }
    }

    /// Settles as done.
    pub async fn accept(&self, delivery: Delivery) {
        self.step(Step::new().accept(delivery)).await;
    }

    /// Gives back, no attempt burnt.
    pub async fn release(&self, delivery: Delivery) {
        self.step(Step::new().release(delivery)).await;
    }

    /// Gives back for another attempt.
    pub async fn retry(&self, delivery: Delivery, after: Duration) {
        self.step(Step::new().retry(delivery, after)).await;
    }

    /// Gives up.
    pub async fn reject(&self, delivery: Delivery, reason: &str) {
        self.step(Step::new().reject(delivery, reason)).await;
    }

    /// Extends an attempt's time limit; the answer, be it an error.
    pub async fn renew(&self, delivery: &Delivery, time: Duration) -> Result<()> {
        self.patience.wait("renewing", self.settler.renew(delivery, time)).await
    }

    /// A state record of the group.
    pub async fn state(&self, key: &str) -> Option<Record> {
        let state = self.patience.wait("reading state", self.settler.state(key)).await;
        state.unwrap_or_else(|error| panic!("state {key:?} cannot be read: {error:?}"))
    }

    /// A state record's value and version.
    pub async fn value(&self, key: &str) -> Option<(Bytes, u64)> {
        self.state(key).await.map(|record| (record.value, record.version))
    }

    /// Begins to receive, and drops that after `polls` turns; what came by then.
    pub async fn receive_and_drop(&mut self, ask: Ask, polls: usize) -> Option<Vec<Delivery>> {
        let receiving = pin!(self.receiver().receive(ask));
        let received = within_turns(polls, receiving).await;
        turns(1).await;
        received.map(|deliveries| deliveries.expect("receiving does not fail"))
    }
}

/// The ids of deliveries, in their order.
pub(crate) fn ids(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| delivery.id().as_str().to_owned()).collect()
}

/// A second delivery of the same attempt, as somebody has in mind who never heard that the
/// first was settled. Dropping it gives nothing back.
pub(crate) fn twin(delivery: &Delivery) -> Delivery {
    Delivery::leased(
        delivery.topic().clone(),
        delivery.item().clone(),
        delivery.fence().clone(),
        delivery.receipt(),
        (delivery.retries(), delivery.lapses()),
        Arc::new(Nowhere),
    )
}

#[derive(Debug)]
struct Nowhere;

impl Returns for Nowhere {
    fn give_back(&self, _: Receipt) {}
}
