//! Queues that may not be there yet.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Error, Result};
use entourage_core::{Backoff, Clock, Retryable, Shutdown, SystemClock, Verdict, sleep};
use entourage_queue::{Queue, QueueUrl};

/// The longest wait between two tries.
const CAP: Duration = Duration::from_secs(5);

/// Why something is not there, for whoever looks; nothing once it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reason(Arc<Mutex<Option<String>>>);

impl Reason {
    pub(crate) fn new(why: &str) -> Self {
        Self(Arc::new(Mutex::new(Some(why.to_owned()))))
    }

    pub(crate) fn is(&self, why: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// As a check of the admin page.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }
}

/// The queue, however long it is away; none if the program is to end first.
///
/// # Errors
/// What trying again does not mend.
pub(crate) async fn patiently(
    url: &QueueUrl,
    reason: &Reason,
    shutdown: &Shutdown,
) -> Result<Option<Arc<dyn Queue>>> {
    let clock = SystemClock::new();
    let mut backoff = backoff();
    let mut is_told = false;
    loop {
        let opened = tokio::select! {
            biased;
            () = shutdown.draining() => return Ok(None),
            opened = url.open() => opened,
        };
        let error = match opened {
            Ok(queue) => {
                reason.is(None);
                return Ok(Some(queue));
            }
            Err(error) if error.verdict() == Verdict::Permanent => {
                return Err(error).with_context(|| format!("cannot open {url}"));
            }
            Err(error) => format!("{:#}", Error::from(error)),
        };
        if !is_told {
            tracing::warn!(%url, error, "the queue cannot be opened; it is tried again");
            is_told = true;
        }
        reason.is(Some(format!("{url} cannot be opened: {error}")));
        wait(&clock, &mut backoff, shutdown).await;
    }
}

/// The waits for a queue that is away.
pub(crate) fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(100), CAP, RandomState::new().hash_one("backoff"))
}

/// Waits for the next try, or until the program is to end.
pub(crate) async fn wait(clock: &dyn Clock, backoff: &mut Backoff, shutdown: &Shutdown) {
    tokio::select! {
        biased;
        () = shutdown.draining() => {}
        () = sleep(clock, backoff.next_delay()) => {}
    }
}
