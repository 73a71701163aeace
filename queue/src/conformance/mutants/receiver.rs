//! The wrong queues' receivers.

use std::{
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::{Fence, sleep};

use super::{
    Fault,
    queue::{AGAIN, rebuilt},
};
use crate::{Ask, Delivery, Error, Queue, Receipt, Receiver, Result, Returns};

/// A right receiver, treated wrongly.
#[derive(Debug)]
pub(super) struct WrongReceiver {
    inner: Box<dyn Receiver>,
    queue: Arc<dyn Queue>,
    fault: Fault,
}

impl WrongReceiver {
    pub(super) fn new(inner: Box<dyn Receiver>, queue: Arc<dyn Queue>, fault: Fault) -> Self {
        Self { inner, queue, fault }
    }

    fn spoiled(&self, delivery: Delivery) -> Delivery {
        let (id, fence) = (delivery.id().as_str(), delivery.fence());
        let (item, fence) = match self.fault {
            Fault::RepeatsEpochs => {
                (delivery.item().clone(), Fence::new(fence.realm(), fence.scope().clone(), 1))
            }
            Fault::ForgetsIds if id.contains(AGAIN) => {
                let id = id.split(AGAIN).next().unwrap_or_default();
                (rebuilt(delivery.item(), id, true, true), fence.clone())
            }
            _ => return delivery,
        };
        let (topic, receipt) = (delivery.topic().clone(), delivery.receipt());
        let counts = (delivery.retries(), delivery.lapses());
        Delivery::leased(topic, item, fence, receipt, counts, Arc::new(Inner(Mutex::new(Some(delivery)))))
    }
}

/// The delivery that a spoiled one stands for; it goes back with it.
#[derive(Debug)]
struct Inner(Mutex<Option<Delivery>>);

impl Returns for Inner {
    fn give_back(&self, _: Receipt) {
        drop(self.0.lock().map(|mut inner| inner.take()));
    }
}

/// Deliveries that nobody gets to see if this is dropped.
struct Lost(Vec<Delivery>);

impl Drop for Lost {
    fn drop(&mut self) {
        mem::take(&mut self.0).into_iter().for_each(mem::forget);
    }
}

#[async_trait::async_trait]
impl Receiver for WrongReceiver {
    async fn receive(&mut self, ask: Ask) -> Result<Vec<Delivery>> {
        let (forever, none) = (Duration::MAX, Duration::ZERO);
        let ask = match self.fault {
            Fault::TakesFewerThanAtLeast if ask.at_least <= ask.max => ask.at_least(1),
            Fault::MixesBundles => Ask { same_bundle: false, ..ask },
            Fault::IgnoresBytes => ask.max_bytes(usize::MAX),
            Fault::WaitsForEver if ask.wait > none => ask.wait(forever),
            _ => ask,
        };
        let deliveries = match self.fault {
            Fault::SleepsThroughNews if ask.wait > none => loop {
                let deliveries = self.inner.receive(ask.wait(none)).await?;
                if !deliveries.is_empty() {
                    break deliveries;
                }
                sleep(&*self.queue.clock(), ask.wait.min(Duration::from_secs(60))).await;
                if ask.wait < Duration::from_secs(60) {
                    break Vec::new();
                }
            },
            Fault::LosesDroppedReceives => {
                let mut lost = Lost(self.inner.receive(ask).await?);
                tokio::task::yield_now().await;
                mem::take(&mut lost.0)
            }
            Fault::ReceivesAfterClose => match self.inner.receive(ask).await {
                Err(Error::Closed) => Vec::new(),
                answer => answer?,
            },
            _ => self.inner.receive(ask).await?,
        };
        Ok(deliveries.into_iter().map(|delivery| self.spoiled(delivery)).collect())
    }

    async fn close(&mut self) -> Result<()> {
        if self.fault == Fault::KeepsWhatItHeldAtClose { Ok(()) } else { self.inner.close().await }
    }
}
