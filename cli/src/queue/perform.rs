//! A command for each item of a topic.

use std::sync::{Arc, Mutex, PoisonError};

use entourage_core::{Clock, Shutdown};
use entourage_queue::{Delivery, Step};
use entourage_workqueue::{Attempt, CommandWorker, Outcome, Worker};

use crate::worker::Attempts;

/// A command for each item, and what its end comes to.
pub(super) struct Performer {
    worker: CommandWorker,
    /// How the command ended that ended last.
    last: Arc<Mutex<String>>,
    clock: Arc<dyn Clock>,
}

/// What an attempt came to.
pub(super) struct Performed {
    pub(super) step: Step,
    /// Whether the item was given up, and why.
    pub(super) dead: Option<String>,
}

impl Performer {
    pub(super) fn new(worker: CommandWorker, clock: Arc<dyn Clock>) -> Self {
        let last = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&last);
        let worker = worker.on_report(move |report| {
            let said = report.stderr.last_line().map(|line| format!(": {line}")).unwrap_or_default();
            let (stdout, stderr) = (&report.stdout, &report.stderr);
            tracing::debug!(item = %report.item, ended = %report.ended, %stdout, %stderr, "a command has ended");
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = format!("{}{said}", report.ended);
        });
        Self { worker, last, clock }
    }

    /// One attempt, with the step that settles it.
    pub(super) async fn perform(
        &self,
        delivery: Delivery,
        attempts: &Attempts,
        shutdown: &Shutdown,
    ) -> Performed {
        let attempt = Attempt::of(&delivery, self.clock.now() + attempts.time_limit(), shutdown.clone());
        let outcome = match self.worker.work(delivery.item(), &attempt).await {
            Outcome::Retry(_) if delivery.retries() >= attempts.retries() => {
                let (failed, last) = (delivery.retries().saturating_add(1), self.last());
                Outcome::Dead(format!("it failed {failed} times; the last time: {last}"))
            }
            outcome => outcome,
        };
        let dead = match &outcome {
            Outcome::Dead(why) => Some(why.clone()),
            _ => None,
        };
        Performed { step: outcome.settle(delivery, Step::new()), dead }
    }

    fn last(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
