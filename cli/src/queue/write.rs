//! Publishing, as long as it takes and as long as is allowed.

use std::sync::Arc;

use anyhow::{Context, Error, Result, anyhow};
use entourage_core::{Clock, Moment, Phase, Retryable, Shutdown, Verdict, timeout};
use entourage_queue::{Error as QueueError, Publication, Published, Queue, QueueUrl};

use crate::opening;

/// How often an unknown publish is repeated at least: that is harmless, and else nobody knows.
const REPEATS: u32 = 3;

/// Publishes, until a moment.
pub(super) struct Writer {
    pub(super) queue: Arc<dyn Queue>,
    pub(super) clock: Arc<dyn Clock>,
    /// How long a full or absent queue is waited for.
    pub(super) until: Moment,
}

/// Opens a queue that may be away until then.
pub(super) async fn open(
    url: &QueueUrl,
    clock: &dyn Clock,
    until: Moment,
    shutdown: &Shutdown,
) -> Result<Arc<dyn Queue>> {
    let mut backoff = opening::backoff();
    loop {
        let error = match url.open().await {
            Ok(queue) => return Ok(queue),
            Err(error) => error,
        };
        let is_over = clock.now() >= until || shutdown.phase() != Phase::Running;
        if is_over || error.verdict() == Verdict::Permanent {
            return Err(error).with_context(|| format!("cannot open {url}"));
        }
        opening::wait(clock, &mut backoff, shutdown).await;
    }
}

impl Writer {
    /// Publishes the first of `batch`, as many as there is room for, and takes them out.
    ///
    /// # Errors
    /// When none of them was published for sure.
    pub(super) async fn some(
        &self,
        batch: &mut Vec<Publication>,
        shutdown: &Shutdown,
    ) -> Result<Vec<(String, Published)>> {
        let most = self.queue.capabilities().max_batch.max(1);
        let mut at_once = batch.len().min(most);
        let (mut backoff, mut tries) = (opening::backoff(), 0);
        loop {
            let part = batch[..at_once].to_vec();
            let error = match self.queue.publish(part).await {
                Ok(published) => {
                    let ids = batch.drain(..at_once).map(|publication| publication.item.id().to_string());
                    return Ok(ids.zip(published).collect());
                }
                Err(error) => error,
            };
            tries += 1;
            let is_over = self.clock.now() >= self.until || shutdown.phase() != Phase::Running;
            match (&error, error.verdict()) {
                // What there is room for goes in.
                (QueueError::Full { .. }, _) if at_once > 1 => at_once /= 2,
                (QueueError::Full { topic, .. }, _) if !is_over => {
                    let left = self.until.since(self.clock.now());
                    let room = timeout(&*self.clock, left, self.queue.room(topic, 1));
                    tokio::select! {
                        biased;
                        () = shutdown.draining() => {}
                        // What is wrong shows in the next try.
                        _ = room => {}
                    }
                    at_once = batch.len().min(most);
                }
                (QueueError::Full { .. }, _) => {
                    return Err(Error::from(error).context("not published; wait for room with --wait"));
                }
                (_, Verdict::Unknown) if tries < REPEATS || !is_over => {
                    opening::wait(&*self.clock, &mut backoff, shutdown).await;
                }
                (_, Verdict::Transient) if !is_over => {
                    opening::wait(&*self.clock, &mut backoff, shutdown).await;
                }
                (_, Verdict::Unknown) => {
                    let what = "it may be published or not; publish it again with the same --id";
                    return Err(anyhow!(error).context(what));
                }
                _ => return Err(Error::from(error).context("not published")),
            }
        }
    }
}
