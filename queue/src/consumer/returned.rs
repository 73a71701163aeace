//! Where a consumer's deliveries go that are dropped unsettled.

use std::sync::Arc;

use crate::{
    broker::{Broker, ConsumerId},
    delivery::{Receipt, Returns},
};

/// Gives deliveries back to the broker at once.
///
/// No task and no runtime is needed: the broker's effect happens although its future is
/// dropped here. So a delivery may outlive the runtime that received it, and whoever asks
/// after a drop sees its effect.
#[derive(Debug)]
pub(super) struct Returned {
    broker: Arc<dyn Broker>,
    consumer: ConsumerId,
}

impl Returned {
    pub(super) const fn new(broker: Arc<dyn Broker>, consumer: ConsumerId) -> Self {
        Self { broker, consumer }
    }
}

impl Returns for Returned {
    fn give_back(&self, receipt: Receipt) {
        drop(self.broker.give_back(self.consumer, vec![receipt]));
    }
}
