//! Watches a manager: says how far it is, and when all is finished.

use std::{
    io::{IsTerminal, stdout},
    sync::Arc,
    time::Duration,
};

use anyhow::{Error, anyhow};
use entourage_core::{Moment, Phase, Retryable, Shutdown, Verdict, sleep, timeout};
use entourage_queue::Queue;
use entourage_workqueue::{Listing, WorkQueue};

use super::{
    ended::Ended,
    once::Once,
    progress::{Numbers, Progress},
};
use crate::output::Printer;

/// How often is looked.
const PERIOD: Duration = Duration::from_millis(500);
/// How often the ledger is read while the queue is not empty: others may fill it without end.
const READ: Duration = Duration::from_secs(10);
/// How long a reader of standard output may make this wait.
const READER: Duration = Duration::from_secs(5);
/// How often in a row the ledger must say that it is beyond help.
const PROOFS: u32 = 3;

/// Watches a manager: says how far it is, and when all is finished.
pub(super) struct Overseer {
    manager: WorkQueue,
    queue: Arc<dyn Queue>,
    once: Option<Once>,
    report: Duration,
    /// None once nobody reads what it says.
    printer: Option<Printer>,
    is_terminal: bool,
    progress: Progress,
    reported: Option<Moment>,
    is_unsaid: bool,
    read: Option<Moment>,
    ended: Option<Ended>,
}

impl Overseer {
    pub(super) fn new(
        manager: WorkQueue,
        queue: Arc<dyn Queue>,
        once: Option<Once>,
        printer: Printer,
        report: Duration,
    ) -> Self {
        Self {
            manager,
            queue,
            once,
            report,
            printer: Some(printer),
            is_terminal: stdout().is_terminal(),
            progress: Progress::default(),
            reported: None,
            is_unsaid: false,
            read: None,
            ended: None,
        }
    }

    /// Watches until the ledger is beyond help, or the source too long, and returns why. Drains
    /// `shutdown` when all is finished.
    pub(super) async fn watch(&mut self, shutdown: &Shutdown) -> Error {
        let clock = self.queue.clock();
        let mut failures = 0;
        loop {
            match self.look().await {
                Ok(()) => failures = 0,
                // A queue that has to be opened anew stays so, and a pool must not stop silently.
                Err(error) if error.verdict() == Verdict::Permanent => {
                    failures += 1;
                    if failures >= PROOFS {
                        let what = "the ledger is not what it was; look at it, and start again";
                        return Error::from(error).context(what);
                    }
                }
                Err(_) => {}
            }
            if self.once.as_ref().is_some_and(Once::is_cut) {
                let most = Listing::MAX_NAMES;
                return anyhow!(
                    "the source has more than {most} names, so nobody can say when all are finished; list \
                     fewer of them, or run without --once"
                );
            }
            if self.ended.is_some() && shutdown.phase() == Phase::Running {
                shutdown.drain();
            }
            sleep(&*clock, PERIOD).await;
        }
    }

    /// Says how it ended, and gives it back.
    pub(super) async fn finish(mut self, ended: Ended) -> Ended {
        // A signal may come when all is finished: then it is.
        if self.ended.is_none() {
            let _ = self.look().await;
        }
        let ended = self.ended.unwrap_or(ended);
        if self.is_terminal {
            self.say(format!("{}\u{1b}[K", ended.to_text())).await;
        } else {
            self.say(self.progress.to_json().to_string()).await;
            self.say(ended.to_json().to_string()).await;
        }
        ended
    }

    async fn look(&mut self) -> entourage_queue::Result<()> {
        let (topic, group) = self.manager.topic();
        let stats = self.queue.stats(&topic, &group).await?;
        let now = self.queue.clock().now();
        let status = self.manager.status();
        // Until the ledger has been read nobody knows what was done before.
        if status.known > 0 || stats.unsettled() == 0 {
            self.is_unsaid |= self.progress.is(Numbers::of(status.known, &stats), now);
        }
        if self.is_terminal {
            // The cursor stays in front, so that a line of the log takes its place.
            self.draw(format!("{}\u{1b}[K\r", self.progress.to_text())).await;
        } else if self.is_unsaid && self.reported.is_none_or(|said| now.since(said) >= self.report) {
            (self.reported, self.is_unsaid) = (Some(now), false);
            self.say(self.progress.to_json().to_string()).await;
        }
        let Some(once) = self.once.as_ref().filter(|once| once.is_listed()) else { return Ok(()) };
        let is_due = self.read.is_none_or(|read| now.since(read) >= READ);
        if self.ended.is_none() && (stats.unsettled() == 0 || is_due) {
            let records = self.queue.records(&group, "").await?;
            self.read = Some(self.queue.clock().now());
            self.ended = once.finished(records).map(Ended::Finished);
        }
        Ok(())
    }

    async fn say(&mut self, line: String) {
        self.draw(format!("{line}\n")).await;
    }

    async fn draw(&mut self, text: String) {
        let Some(printer) = &self.printer else { return };
        let clock = self.queue.clock();
        let written = timeout(&*clock, READER, printer.write(text.into_bytes())).await;
        let error = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        tracing::warn!(error, "nobody reads standard output; the work goes on");
        self.printer = None;
    }
}
