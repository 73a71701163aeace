//! Items of a topic into a shell.

use std::{
    ffi::OsString,
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, Error, Result};
use clap::Args;
use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Phase, Retryable, Shutdown, SystemClock, Verdict};
use entourage_queue::{Ask, Error as QueueError, Group, Queue, Receiver, Settler, Topic};

use super::{
    What, Whose,
    perform::Performer,
    session::{Session, Way},
};
use crate::{
    Common, admin,
    exit::Usage,
    opening::{self, Reason},
    output::Printer,
    signals,
    worker::Attempts,
};

/// Items in one batch.
const BATCH: usize = 100;

/// Receive items: print and accept them, hand each to a command, or only look
///
/// With --accept each item is printed, and accepted when the system has its line: what the reader
/// then does with it is the reader's. With a COMMAND it is accepted when the command has ended
/// with 0, and else tried again, as `workqueue run` does. With neither it is only shown, and given
/// back at the end.
///
/// Ends with 0, with 1 if a command gave an item up, and with 1 when nobody reads standard output
/// any more: what was not written then is given back.
#[derive(Args)]
pub(crate) struct Receive {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    whose: Whose,
    /// End after so many items [default: no end with --accept or a COMMAND, else 100]
    #[arg(long, env = "ENTOURAGE_MAX", value_name = "N")]
    max: Option<usize>,
    /// End when no item came for so long [default: for ever with --accept or a COMMAND, else 0s]
    #[arg(long, env = "ENTOURAGE_WAIT", value_name = "DURATION", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
    /// Accept each item when it is written
    #[arg(long, env = "ENTOURAGE_ACCEPT", conflicts_with = "command")]
    accept: bool,
    /// Print the payload and a line feed, in place of JSON
    #[arg(long, env = "ENTOURAGE_RAW", conflicts_with = "command")]
    raw: bool,
    #[command(flatten)]
    attempts: Attempts,
    /// How long a command may take to end after SIGTERM or SIGINT
    #[arg(long, env = "ENTOURAGE_GRACE", value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    grace: Duration,
    /// A command for each item, one after the other, with the content in the file WORK_ITEM_FILE
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Receive {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let ((url, topic), group) = (self.what.check()?, self.whose.check()?);
        if self.max == Some(0) {
            return Err(Usage("--max is 0, which receives nothing; say 1 or more".to_owned()).into());
        }
        self.attempts.check(&topic, &group).await?;
        let worker = match &self.command[..] {
            [] => None,
            command => Some(self.attempts.worker(command)?),
        };
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let shutdown = signals::shutdown(self.grace)?;
        let reason = Reason::new("the queue has not been opened yet");
        let seen = reason.clone();
        let here = Here::default();
        admin::serve(common, here.clone(), "queue", move || seen.check(), &shutdown).await?;
        let Some(queue) = opening::patiently(&url, &reason, &shutdown).await? else {
            return Ok(ExitCode::SUCCESS);
        };
        // It was empty: nobody else fills it.
        let _ = here.0.set(Arc::clone(&queue));
        let way = match worker {
            Some(worker) => Way::Perform(Box::new(Performer::new(worker, queue.clock()))),
            None if self.accept => Way::Accept,
            None => Way::Look(Vec::new()),
        };
        let (receiver, settler) = self.join(&*queue, &topic, &group, &reason, &shutdown).await?;
        let printer = Printer::start()?;
        let mut session = Session { receiver, settler, printer, is_raw: self.raw, shutdown, way, dead: 0 };
        let ended = self.receive(&mut session, &reason).await;
        // Gives back all that was only looked at, or not settled.
        session.way = Way::Accept;
        let closed = session.receiver.close().await;
        ended?;
        closed.context("what was not settled comes back when its lease is over")?;
        Ok(if session.dead > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    async fn join(
        &self,
        queue: &dyn Queue,
        topic: &Topic,
        group: &Group,
        reason: &Reason,
        shutdown: &Shutdown,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        let (clock, mut backoff) = (queue.clock(), opening::backoff());
        loop {
            let topics = std::slice::from_ref(topic);
            match queue.subscribe(topics, group, self.attempts.subscription()).await {
                Ok(joined) => {
                    reason.is(None);
                    return Ok(joined);
                }
                Err(error) if error.verdict() == Verdict::Permanent || shutdown.phase() != Phase::Running => {
                    return Err(error).context("the topic cannot be subscribed to");
                }
                Err(error) => away(reason, error),
            }
            opening::wait(&*clock, &mut backoff, shutdown).await;
        }
    }

    async fn receive(&self, session: &mut Session, reason: &Reason) -> Result<()> {
        let looks = matches!(session.way, Way::Look(_));
        let mut left = self.max.unwrap_or(if looks { BATCH } else { usize::MAX });
        let wait = self.wait.unwrap_or(if looks { Duration::ZERO } else { Duration::MAX });
        let at_once = if matches!(session.way, Way::Perform(_)) { 1 } else { BATCH };
        let (clock, mut backoff) = (SystemClock::new(), opening::backoff());
        while left > 0 && session.shutdown.phase() == Phase::Running {
            let ask = Ask::up_to(left.min(at_once)).wait(wait);
            let received = tokio::select! {
                biased;
                () = session.shutdown.draining() => return Ok(()),
                received = session.receiver.receive(ask) => received,
            };
            match received {
                Ok(deliveries) if deliveries.is_empty() => return Ok(()),
                Ok(deliveries) => {
                    reason.is(None);
                    backoff.reset();
                    left = left.saturating_sub(deliveries.len());
                    session.take(deliveries, &self.attempts).await?;
                }
                Err(error) if error.verdict() == Verdict::Permanent => {
                    return Err(error).context("nothing more can be received");
                }
                Err(error) => {
                    away(reason, error);
                    opening::wait(&clock, &mut backoff, &session.shutdown).await;
                }
            }
        }
        Ok(())
    }
}

fn away(reason: &Reason, error: QueueError) {
    let error = format!("{:#}", Error::from(error));
    if reason.check().is_ok() {
        tracing::warn!(error, "the queue does not answer; it is tried again");
    }
    reason.is(Some(format!("the queue does not answer: {error}")));
}

/// The queue, in a blueprint, once it is there.
#[derive(Clone, Default)]
struct Here(Arc<OnceLock<Arc<dyn Queue>>>);

impl Describe for Here {
    fn describe(&self, blueprint: &mut Blueprint) {
        if let Some(queue) = self.0.get() {
            queue.describe(blueprint);
        }
    }
}
