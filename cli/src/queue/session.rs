//! A subscription under way, and what is done with its items.

use std::sync::Arc;

use anyhow::{Context, Error, Result};
use entourage_core::{Phase, Retryable, Shutdown, SystemClock, Verdict, planted, sleep};
use entourage_queue::{Delivery, Error as QueueError, Receiver, Settler, Step, Unapplied};

use super::{
    json,
    perform::{Performed, Performer},
};
use crate::{opening, output::Printer, worker::Attempts};

/// What is done with an item.
pub(super) enum Way {
    Accept,
    Look(Vec<Delivery>),
    Perform(Box<Performer>),
}

/// A subscription under way.
pub(super) struct Session {
    pub(super) receiver: Box<dyn Receiver>,
    pub(super) settler: Arc<dyn Settler>,
    pub(super) printer: Printer,
    /// Whether the payload alone is printed.
    pub(super) is_raw: bool,
    pub(super) shutdown: Shutdown,
    pub(super) way: Way,
    /// How many were given up.
    pub(super) dead: u64,
}

impl Session {
    /// Does with each what is to be done, and settles it.
    pub(super) async fn take(&mut self, deliveries: Vec<Delivery>, attempts: &Attempts) -> Result<()> {
        if let Way::Perform(performer) = &self.way {
            for delivery in deliveries {
                let id = delivery.id().clone();
                let Performed { step, dead } = performer.perform(delivery, attempts, &self.shutdown).await;
                self.settle(step).await?;
                if let Some(why) = dead {
                    self.dead += 1;
                    tracing::warn!(item = %id, why, "an item is given up");
                }
            }
            return Ok(());
        }
        let mut written = Vec::with_capacity(deliveries.len());
        let mut failed = None;
        for delivery in deliveries {
            let printed = tokio::select! {
                biased;
                () = self.shutdown.stopped() => break,
                printed = self.printer.write(line(&delivery, self.is_raw)) => printed,
            };
            match printed {
                Ok(()) => written.push(delivery),
                Err(error) => {
                    if planted("cli-accepts-what-is-not-written") {
                        written.push(delivery);
                    }
                    failed = Some(error);
                    break;
                }
            }
        }
        match &mut self.way {
            Way::Look(held) => held.extend(written),
            _ if written.is_empty() => {}
            _ => self.settle(Step { accept: written, ..Step::new() }).await?,
        }
        match failed {
            Some(error) => {
                Err(Error::from(error).context("standard output cannot be written; the rest was given back"))
            }
            None => Ok(()),
        }
    }

    /// Settles, as long as the queue is away; what is another's by now is left to it.
    async fn settle(&self, step: Step) -> Result<()> {
        let (clock, mut backoff) = (SystemClock::new(), opening::backoff());
        let mut step = Box::new(step);
        loop {
            let error = match self.settler.step(*step).await {
                Ok(_) => return Ok(()),
                Err(Unapplied { step: given_back, error }) => {
                    step = given_back;
                    error
                }
            };
            match error {
                QueueError::Stale { ids } => {
                    tracing::warn!(items = ?ids, "their leases ended before they were settled; they come again");
                    *step = step.without(&ids);
                    if step.deliveries().next().is_none() {
                        return Ok(());
                    }
                }
                error if error.verdict() == Verdict::Permanent => {
                    return Err(error).context("what was done cannot be settled; it comes again");
                }
                error if self.shutdown.phase() == Phase::Stopped => {
                    return Err(error).context("ended before what was done was settled; it may come again");
                }
                error => {
                    let error = format!("{:#}", Error::from(error));
                    tracing::warn!(error, "what was done is not settled yet; it is tried again");
                    tokio::select! {
                        biased;
                        () = self.shutdown.stopped() => {}
                        () = sleep(&clock, backoff.next_delay()) => {}
                    }
                }
            }
        }
    }
}

fn line(delivery: &Delivery, is_raw: bool) -> Vec<u8> {
    let mut line = if is_raw {
        delivery.item().payload().to_vec()
    } else {
        json::of_delivery(delivery).to_string().into()
    };
    line.push(b'\n');
    line
}
