//! How a stage hands its steps to the queue.

use std::{future::Future, sync::Arc, time::Duration};

use entourage_core::{Backoff, Clock, Retryable, Verdict, sleep};
use entourage_queue::{
    Applied, Dead, Error as QueueError, Group, Publication, Queue, Record, Result as QueueResult, Settler,
    Step, Topic,
};

use crate::error::{Error, Result};

/// How often an unavailable queue is tried before a stage gives up; at most a second apart.
const TRIES: u32 = 60;

/// Publishes and applies steps with patience: waits for room, repeats after lost answers.
#[derive(Clone, Debug)]
pub(crate) struct Outlet {
    pub(crate) stage: Arc<str>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settler: Arc<dyn Settler>,
}

impl Outlet {
    /// Applies a step once.
    ///
    /// `None` when it can no longer be applied: its attempts, or its state, are another's now.
    pub(crate) async fn apply(&self, mut step: Step) -> Result<Option<Applied>> {
        let mut backoff = self.backoff();
        let mut tries = 0;
        loop {
            let unapplied = match self.settler.step(step).await {
                Ok(applied) => return Ok(Some(applied)),
                Err(unapplied) => unapplied,
            };
            step = *unapplied.step;
            match unapplied.error {
                QueueError::Stale { .. } | QueueError::StateConflict { .. } => return Ok(None),
                QueueError::Full { topic, capacity } => {
                    let wanted = net(&step, &topic);
                    if wanted > capacity {
                        return Err(self.too_much(wanted, &topic, capacity));
                    }
                    self.patiently(|| self.queue.room(&topic, wanted)).await?;
                }
                error if Self::is_worth_another(&error, tries) => {
                    tries += 1;
                    sleep(&*self.clock, backoff.next_delay()).await;
                }
                error => return Err(self.failed(error)),
            }
        }
    }

    /// Publishes, however long the queue is away; what was published before is not again.
    pub(crate) async fn publish(&self, batch: Vec<Publication>) -> Result<()> {
        self.patiently(|| self.queue.publish(batch.clone())).await.map(drop)
    }

    /// Reads a state record.
    pub(crate) async fn state(&self, key: &str) -> Result<Option<Record>> {
        self.patiently(|| self.settler.state(key)).await
    }

    /// Reads the oldest dead letters.
    pub(crate) async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
        self.patiently(|| self.queue.dead(topic, group, limit)).await
    }

    /// Calls what is harmless to repeat until it is answered.
    async fn patiently<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = QueueResult<T>>,
    {
        let mut backoff = self.backoff();
        let mut tries = 0;
        loop {
            match call().await {
                Err(error) if Self::is_worth_another(&error, tries) => {
                    tries += 1;
                    sleep(&*self.clock, backoff.next_delay()).await;
                }
                answer => return answer.map_err(|error| self.failed(error)),
            }
        }
    }

    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(Duration::from_millis(10), Duration::from_secs(1), self.clock.now().as_nanos())
    }

    /// Whether a call that failed so for the `tries`-th time is worth another. A full disk is
    /// not: its owner must hear of it, and the work goes on from there when it is run again.
    pub(crate) fn is_worth_another(error: &QueueError, tries: u32) -> bool {
        !matches!(error, QueueError::NoSpace(_)) && error.verdict() != Verdict::Permanent && tries < TRIES
    }

    pub(crate) fn failed(&self, source: QueueError) -> Error {
        Error::Queue { stage: self.stage.to_string(), source }
    }

    /// What no waiting for room would mend.
    fn too_much(&self, wanted: u64, topic: &Topic, capacity: u64) -> Error {
        let why = format!(
            "one step adds {wanted} items to topic {topic}, which holds {capacity}; \
             publish less at once, or give the channel more room"
        );
        Error::Stage { stage: self.stage.to_string(), source: why.into() }
    }
}

/// How many items more `topic` holds after `step`.
fn net(step: &Step, topic: &Topic) -> u64 {
    let published = step.publish.iter().filter(|publication| publication.topic == *topic).count();
    let rejected = step.reject.iter().map(|rejection| &rejection.delivery);
    let settled = step.accept.iter().chain(rejected).filter(|delivery| delivery.topic() == topic).count();
    published.saturating_sub(settled) as u64
}
