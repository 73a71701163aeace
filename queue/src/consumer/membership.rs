//! How long a consumer is known.

use std::sync::Arc;

use crate::broker::{Broker, ConsumerId};

/// A consumer, shared by its receiver and its settler.
///
/// A receiver that is closed or dropped leaves its group, but whoever still has the settler
/// may repeat a step whose answer was lost. So the broker forgets a consumer with the last of
/// both, and not before.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) broker: Arc<dyn Broker>,
    pub(super) consumer: ConsumerId,
}

impl Membership {
    pub(super) fn new(broker: Arc<dyn Broker>, consumer: ConsumerId) -> Arc<Self> {
        Arc::new(Self { broker, consumer })
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.broker.forget(self.consumer);
    }
}
