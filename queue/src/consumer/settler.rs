//! Settles through a broker.

use std::{sync::Arc, time::Duration};

use crate::{
    broker::Broker,
    consumer::membership::Membership,
    delivery::Delivery,
    error::{Error, Result},
    limits,
    settler::Settler,
    state::Record,
    step::{Applied, Step, Unapplied},
};

/// A settler over a broker.
#[derive(Debug)]
pub(super) struct LeasingSettler {
    membership: Arc<Membership>,
}

impl LeasingSettler {
    pub(super) const fn new(membership: Arc<Membership>) -> Self {
        Self { membership }
    }

    fn broker(&self) -> &dyn Broker {
        &*self.membership.broker
    }
}

#[async_trait::async_trait]
impl Settler for LeasingSettler {
    async fn step(&self, step: Step) -> Result<Applied, Unapplied> {
        if let Err(error) = limits::check_step(&step, &self.broker().capabilities(), self.broker().realm()) {
            return Err(Unapplied { step: Box::new(step), error });
        }
        tokio::task::coop::consume_budget().await;
        // `step` outlives `pending`: when this future is dropped, its deliveries are given
        // back after the step was submitted, so that those of an applied one are stale.
        let pending = self.broker().apply(self.membership.consumer, &step);
        match pending.await {
            Ok(applied) => {
                settle(step, applied.repeated);
                Ok(applied)
            }
            Err(error) => Err(Unapplied { step: Box::new(step), error }),
        }
    }

    async fn renew(&self, delivery: &Delivery, time: Duration) -> Result<()> {
        limits::check_realm(self.broker().realm(), delivery.fence().realm())?;
        match self.broker().renew(self.membership.consumer, delivery.receipt(), time).await {
            Err(Error::Stale { .. }) => Err(Error::Stale { ids: vec![delivery.id().clone()] }),
            answer => answer,
        }
    }

    async fn state(&self, key: &str) -> Result<Option<Record>> {
        limits::check_state_key(key)?;
        self.broker().state(self.membership.consumer, key).await
    }
}

/// Ends the deliveries of an applied step.
///
/// Those of a repeated one are dropped instead: what the first one settled is stale and stays
/// settled, and an item that it did not settle, because another step has this name, is not
/// held for ever.
fn settle(mut step: Step, repeated: bool) {
    if repeated {
        return;
    }
    let released = step.release.iter_mut().map(|release| &mut release.delivery);
    let rejected = step.reject.iter_mut().map(|rejection| &mut rejection.delivery);
    for delivery in step.accept.iter_mut().chain(released).chain(rejected) {
        delivery.end();
    }
}
