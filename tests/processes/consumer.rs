//! A member of the workers, which says what it does and does not give up.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use entourage::{
    core::{Backoff, SystemClock, sleep},
    queue::{
        Ask, Delivery, Error, Publication, Queue, Receiver, Result, Settler, SqliteQueue, StateWrite, Step,
        SubscribeOptions, Unapplied,
    },
};

use crate::{
    DEADLINE,
    site::{effect, input, output, workers},
};

pub(crate) fn options(lease: Duration) -> SubscribeOptions {
    SubscribeOptions::new().with_lease(lease)
}

/// Says a line to the test.
pub(crate) fn say(line: impl fmt::Display) {
    println!("{line}");
}

pub(crate) fn epoch(delivery: &Delivery) -> u64 {
    delivery.fence().epoch()
}

/// Items whose number is divisible by this are given up instead of accepted.
pub(crate) const UNWANTED: u64 = 97;

pub(crate) fn is_unwanted(id: &str) -> bool {
    id.parse::<u64>().is_ok_and(|number| number % UNWANTED == 0)
}

/// Settles every delivery, says so in the state and sends it on.
pub(crate) fn settle(deliveries: Vec<Delivery>) -> Step {
    deliveries.into_iter().fold(Step::new(), |step, delivery| {
        let (id, epoch) = (delivery.id().clone(), epoch(&delivery));
        // Whatever version stands there: that must not be what keeps a second attempt out.
        let value = Some(epoch.to_string().into());
        let step = step.state(StateWrite { key: id.to_shared(), expected: None, value });
        if is_unwanted(id.as_str()) {
            step.reject(delivery, "it is unwanted")
        } else {
            step.publish(Publication::new(output(), effect(&id, epoch))).accept(delivery)
        }
    })
}

/// What receives and settles for a process.
pub(crate) struct Consumer {
    receiver: Box<dyn Receiver>,
    settler: Arc<dyn Settler>,
    /// Between two tries, while the queue has no answer.
    backoff: Backoff,
}

impl Consumer {
    pub(crate) async fn of(file: &Path, lease: Duration) -> Self {
        let queue = SqliteQueue::open(file).expect("the queue opens");
        let joined = queue.subscribe(&[input()], &workers(), options(lease)).await;
        let (receiver, settler) = joined.expect("the queue answers");
        let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(50), 1);
        Self { receiver, settler, backoff }
    }

    /// Receives once; an error, and that there is nothing, is said and answered by nothing.
    pub(crate) async fn receive(&mut self, ask: Ask) -> Vec<Delivery> {
        match self.receiver.receive(ask).await {
            Ok(deliveries) => {
                self.backoff.reset();
                if deliveries.is_empty() {
                    say("idle");
                }
                deliveries
            }
            Err(Error::Closed) => panic!("a receiver that nobody closed is closed"),
            Err(error) => {
                self.back_off(&error).await;
                Vec::new()
            }
        }
    }

    /// Applies the step, again while the queue is not available or has not answered.
    pub(crate) async fn apply(&mut self, mut step: Step) {
        let settled = step.accept.len() + step.reject.len();
        loop {
            match self.settler.step(step).await {
                Ok(_) => {
                    self.backoff.reset();
                    return say(format_args!("settled {settled}"));
                }
                Err(Unapplied { error: Error::Stale { .. }, .. }) => return say("refused"),
                Err(Unapplied {
                    error: error @ (Error::Unavailable(_) | Error::Unknown(_)),
                    step: again,
                }) => {
                    self.back_off(&error).await;
                    step = *again;
                }
                Err(Unapplied { error, .. }) => panic!("a step was refused: {error:?}"),
            }
        }
    }

    /// Applies the step once, and says what became of it.
    pub(crate) async fn try_apply(&self, step: Step) {
        match self.settler.step(step).await {
            Ok(_) => say("settled"),
            Err(Unapplied { error, .. }) => say(format_args!("refused {error:?}")),
        }
    }

    /// Renews each lease once.
    pub(crate) async fn renew(&self, deliveries: &[Delivery]) -> Vec<Result<()>> {
        let mut results = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            results.push(self.settler.renew(delivery, DEADLINE).await);
        }
        results
    }

    pub(crate) async fn close(&mut self) {
        self.receiver.close().await.expect("the queue answers");
        say("closed");
    }

    async fn back_off(&mut self, error: &Error) {
        say(format_args!("error {error:?}"));
        sleep(&SystemClock::new(), self.backoff.next_delay()).await;
    }
}
