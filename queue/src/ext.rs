//! What users of a queue call most.

use std::time::Duration;

use crate::{
    delivery::Delivery,
    error::{Error, Result},
    item::{Publication, Published},
    queue::Queue,
    settler::Settler,
    step::Step,
};

/// Conveniences over [`Queue`], for users rather than backends.
#[async_trait::async_trait]
pub trait QueueExt: Queue {
    /// Publishes a batch, waiting for room while a topic is full.
    ///
    /// # Errors
    /// Those of [`Queue::publish`]; [`Error::Full`] only where the batch is larger than its
    /// topic's capacity and would never fit.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the whole batch published, or nothing of it.
    async fn publish_when_room(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        loop {
            match self.publish(batch.clone()).await {
                Err(Error::Full { topic, capacity }) => {
                    let wanted = batch.iter().filter(|publication| publication.topic == topic).count() as u64;
                    if wanted > capacity {
                        return Err(Error::Full { topic, capacity });
                    }
                    self.room(&topic, wanted).await?;
                }
                answer => return answer,
            }
        }
    }
}

impl<Q: Queue + ?Sized> QueueExt for Q {}

/// Conveniences over [`Settler`], for users rather than backends.
#[async_trait::async_trait]
pub trait SettlerExt: Settler {
    /// Settles deliveries as done.
    ///
    /// # Errors
    /// Those of [`Settler::step`]; the deliveries are given back then.
    ///
    /// # Cancel safety
    /// As [`Settler::step`].
    async fn accept(&self, deliveries: Vec<Delivery>) -> Result<()> {
        let step = Step { accept: deliveries, ..Step::new() };
        self.step(step).await.map(drop).map_err(|unapplied| unapplied.error)
    }

    /// Gives a delivery back at once, no attempt burnt.
    ///
    /// # Errors
    /// Those of [`Settler::step`].
    ///
    /// # Cancel safety
    /// As [`Settler::step`].
    async fn release(&self, delivery: Delivery) -> Result<()> {
        let step = Step::new().release(delivery);
        self.step(step).await.map(drop).map_err(|unapplied| unapplied.error)
    }

    /// Gives a delivery back for another attempt after `after`.
    ///
    /// # Errors
    /// Those of [`Settler::step`].
    ///
    /// # Cancel safety
    /// As [`Settler::step`].
    async fn retry(&self, delivery: Delivery, after: Duration) -> Result<()> {
        let step = Step::new().retry(delivery, after);
        self.step(step).await.map(drop).map_err(|unapplied| unapplied.error)
    }

    /// Gives a delivery up, with the reason that the dead letter will carry.
    ///
    /// # Errors
    /// Those of [`Settler::step`].
    ///
    /// # Cancel safety
    /// As [`Settler::step`].
    async fn reject(&self, delivery: Delivery, reason: &str) -> Result<()> {
        let step = Step::new().reject(delivery, reason);
        self.step(step).await.map(drop).map_err(|unapplied| unapplied.error)
    }
}

impl<S: Settler + ?Sized> SettlerExt for S {}
