//! What a backend with leases gives to the consumer that is built over it.
//!
//! Every call is one atomic effect. Waiting, heartbeats, cancel safety and giving back are
//! the consumer's, written once for all such backends.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use entourage_core::{Clock, Moment, Realm};

use crate::{
    ask::Ask,
    capabilities::Capabilities,
    delivery::Receipt,
    error::Result,
    item::{Group, Item, Topic},
    options::SubscribeOptions,
    state::Record,
    step::{Applied, Step},
};

/// A future that goes on holding its answer while nobody polls it.
pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Names one consumer for as long as it beats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConsumerId(pub(crate) u64);

/// An item that was leased for one attempt.
#[derive(Debug)]
pub(crate) struct LeasedItem {
    pub(crate) topic: Topic,
    pub(crate) item: Item,
    pub(crate) receipt: Receipt,
    pub(crate) retries: u32,
    pub(crate) lapses: u32,
}

/// The answer to a lease: perhaps nothing, and when to ask again.
#[derive(Debug, Default)]
pub(crate) struct Leased {
    pub(crate) items: Vec<LeasedItem>,
    /// When something may become ready by the passing of time alone.
    pub(crate) next_due: Option<Moment>,
}

/// Wakes on any change that may make an item ready or a topic roomier.
#[async_trait::async_trait]
pub(crate) trait Activity: fmt::Debug + Send {
    /// Waits for a change after the last call, or after the activity was asked for. Cancel-safe.
    async fn next(&mut self);
}

/// A backend with leases: memory, one SQLite file, and others to come.
#[async_trait::async_trait]
pub(crate) trait Broker: fmt::Debug + Send + Sync + 'static {
    fn clock(&self) -> &Arc<dyn Clock>;
    fn realm(&self) -> Realm;

    /// The limits by which the consumer judges an ask, a subscription and a step beforehand.
    fn capabilities(&self) -> Capabilities;

    fn activity(&self) -> Box<dyn Activity>;

    /// Registers a consumer whose leases stand until `options.lease` after its last beat.
    async fn join(&self, topics: &[Topic], group: &Group, options: SubscribeOptions) -> Result<ConsumerId>;

    /// Leases at least `ask.at_least` items or none; never waits for items. The effect
    /// happens whether or not the future is polled to its end. It is a sign of life too, so
    /// it keeps the consumer's leases as [`Broker::beat`] does.
    fn lease(&self, consumer: ConsumerId, ask: Ask) -> Pending<Leased>;

    /// Keeps a consumer's leases for another `lease`, and sweeps what has lapsed anywhere.
    /// An expired consumer is registered anew: what it held is no longer its own.
    async fn beat(&self, consumer: ConsumerId) -> Result<()>;

    /// Ends everything a consumer holds, no attempt burnt. From then on it is stale for all but
    /// the steps that it repeats. May be called again, and where nothing can wait: the effect
    /// happens even if the future is dropped at once.
    fn leave(&self, consumer: ConsumerId) -> Pending<()>;

    /// Forgets a consumer that has left: nobody is there who could ask for it. Must not block.
    fn forget(&self, consumer: ConsumerId);

    /// Gives attempts back, none burnt; stale ones are ignored. As `leave`, without waiting.
    fn give_back(&self, consumer: ConsumerId, receipts: Vec<Receipt>) -> Pending<()>;

    /// Applies a step's effects for `consumer`, once per id. The effect happens whether or not
    /// the future is polled to its end; the caller keeps the deliveries.
    fn apply(&self, consumer: ConsumerId, step: &Step) -> Pending<Applied>;

    /// Moves one attempt's time limit to `time` from now; the caller names the item in a
    /// refusal as stale.
    async fn renew(&self, consumer: ConsumerId, receipt: Receipt, time: Duration) -> Result<()>;

    async fn state(&self, consumer: ConsumerId, key: &str) -> Result<Option<Record>>;
}
