//! Leases through a broker, waiting and cancel-safe.

use std::{fmt, sync::Arc, time::Duration};

use entourage_core::{Fence, Moment, Scope, planted};

use crate::{
    ask::Ask,
    broker::{Activity, Broker, Leased, LeasedItem, Pending},
    consumer::{heartbeat::Heartbeat, kept::Kept, membership::Membership, returned::Returned, sleep_until},
    delivery::{Delivery, Returns},
    error::{Error, Result},
    limits,
    receiver::Receiver,
};

/// A receiver over a broker.
///
/// A lease that was sent is never forgotten: its future stays here when `receive` is dropped,
/// and its items are handed out by the next call that they suit, or given back.
pub(super) struct LeasingReceiver {
    membership: Arc<Membership>,
    returns: Arc<dyn Returns>,
    activity: Box<dyn Activity>,
    heartbeat: Heartbeat,
    pending: Option<Pending<Leased>>,
    kept: Kept,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Open,
    /// Closing has begun; the broker may not have answered.
    Closing,
    Closed,
}

impl LeasingReceiver {
    /// For a consumer that asked to join at `joining`.
    pub(super) fn new(membership: Arc<Membership>, lease: Duration, joining: Moment) -> Self {
        let (broker, consumer) = (&membership.broker, membership.consumer);
        Self {
            returns: Arc::new(Returned::new(Arc::clone(broker), consumer)),
            // It lives as long as the receiver, so no change between two asks is missed.
            activity: broker.activity(),
            heartbeat: Heartbeat::new(broker, consumer, lease, joining),
            pending: None,
            kept: Kept::default(),
            standing: Standing::Open,
            membership,
        }
    }

    fn broker(&self) -> &dyn Broker {
        &*self.membership.broker
    }

    /// Asks once; the question outlives the dropping of this future.
    async fn lease(&mut self, ask: Ask) -> Result<Leased> {
        let pending = self.pending.insert(self.broker().lease(self.membership.consumer, ask));
        let answer = pending.await;
        self.pending = None;
        answer
    }

    /// Collects the answer to a question whose asker was dropped.
    async fn recover(&mut self) {
        let Some(pending) = self.pending.as_mut() else { return };
        let answer = pending.await;
        self.pending = None;
        match answer {
            Ok(leased) => {
                let deliveries = self.deliveries(leased.items);
                self.kept.keep(deliveries);
            }
            // Nobody waits for this answer any more; the question that follows has its own.
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "an abandoned lease failed");
            }
        }
    }

    fn deliveries(&self, items: Vec<LeasedItem>) -> Vec<Delivery> {
        let realm = self.broker().realm();
        let deliver = |leased: LeasedItem| {
            let LeasedItem { topic, item, receipt, retries, lapses } = leased;
            let scope = item.key().map_or_else(|| item.id().to_shared(), |key| key.to_shared());
            let fence = Fence::new(realm, Scope::new(scope), receipt.epoch);
            Delivery::leased(topic, item, fence, receipt, (retries, lapses), Arc::clone(&self.returns))
        };
        items.into_iter().map(deliver).collect()
    }

    async fn wait(&mut self, until: Moment) {
        let clock = Arc::clone(self.broker().clock());
        tokio::select! {
            biased;
            () = self.activity.next() => {}
            () = sleep_until(&*clock, until) => {}
        }
    }

    async fn leased(&mut self, ask: Ask) -> Result<Vec<Delivery>> {
        self.recover().await;
        if !self.kept.is_empty() {
            let taken = self.kept.take(&ask);
            if !taken.is_empty() {
                return Ok(taken);
            }
            // What is kept may be just what this ask lacks: the broker is to judge all of it.
            self.kept.clear();
        }
        let wait_is_over = (!ask.wait.is_zero()).then(|| self.broker().clock().now() + ask.wait);
        loop {
            let leased = self.lease(ask).await?;
            if !leased.items.is_empty() {
                return Ok(self.deliveries(leased.items));
            }
            let Some(over) = wait_is_over else { return Ok(Vec::new()) };
            if over <= self.broker().clock().now() {
                return Ok(Vec::new());
            }
            self.wait(leased.next_due.map_or(over, |due| due.min(over))).await;
        }
    }
}

#[async_trait::async_trait]
impl Receiver for LeasingReceiver {
    async fn receive(&mut self, ask: Ask) -> Result<Vec<Delivery>> {
        if self.standing != Standing::Open {
            return Err(Error::Closed);
        }
        let ask = limits::check_ask(ask, &self.broker().capabilities())?;
        // A backend that answers at once must not keep the runtime to itself.
        tokio::task::coop::consume_budget().await;
        self.heartbeat.revive(&self.membership.broker, self.membership.consumer);
        let answer = self.leased(ask).await;
        if answer.is_err() && planted("queue-receiver-stops-after-an-error") {
            self.standing = Standing::Closing;
        }
        answer
    }

    async fn close(&mut self) -> Result<()> {
        if self.standing == Standing::Closed {
            return Ok(());
        }
        self.standing = Standing::Closing;
        self.heartbeat.stop();
        // Submitted after every lease and before every drop that follows: all is given back.
        let leave = self.broker().leave(self.membership.consumer);
        self.pending = None;
        self.kept.forget();
        leave.await?;
        self.standing = Standing::Closed;
        Ok(())
    }
}

impl Drop for LeasingReceiver {
    fn drop(&mut self) {
        if self.standing != Standing::Closed {
            self.heartbeat.stop();
            drop(self.broker().leave(self.membership.consumer));
            self.kept.forget();
        }
    }
}

impl fmt::Debug for LeasingReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasingReceiver")
            .field("consumer", &self.membership.consumer)
            .field("kept", &self.kept)
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}
