//! Receivers and settlers over any backend with leases: waiting, heartbeats, cancel safety
//! and giving back, written once.

mod heartbeat;
mod kept;
mod membership;
mod receiver;
mod returned;
mod settler;
#[cfg(test)]
mod tests;

use std::{future, sync::Arc};

use entourage_core::{Clock, Moment};

use crate::{
    broker::Broker,
    error::Result,
    item::{Group, Topic},
    limits,
    options::SubscribeOptions,
    receiver::Receiver,
    settler::Settler,
};

use self::{
    heartbeat::Heartbeat, membership::Membership, receiver::LeasingReceiver, settler::LeasingSettler,
};

/// Joins a group through `broker`.
pub(crate) async fn subscribe(
    broker: Arc<dyn Broker>,
    topics: &[Topic],
    group: &Group,
    options: SubscribeOptions,
) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
    limits::check_subscribe(topics, group, &options)?;
    // Before joining: a consumer that nobody keeps alive must not be left behind.
    Heartbeat::check_runtime()?;
    let joining = broker.clock().now();
    let consumer = broker.join(topics, group, options).await?;
    let membership = Membership::new(broker, consumer);
    let receiver = LeasingReceiver::new(Arc::clone(&membership), options.lease, joining);
    let settler = LeasingSettler::new(membership);
    Ok((Box::new(receiver), Arc::new(settler)))
}

/// Waits until a moment, and does not wake at all for one that never comes.
pub(crate) async fn sleep_until(clock: &dyn Clock, until: Moment) {
    if until == Moment::NEVER {
        future::pending::<()>().await;
    }
    clock.sleep_until(until).await;
}
