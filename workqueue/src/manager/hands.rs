//! What a pool has in its hands: what is in work, what has ended, and the step that settles it.

use std::{collections::HashMap, future::Future, pin::Pin};

use entourage_core::Moment;
use entourage_queue::Delivery;
use tokio::task::{Id, JoinError, JoinSet};

use crate::{attempt::Attempt, manager::settlement::End, outcome::Outcome};

pub(super) type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a pool has in its hands.
#[derive(Default)]
pub(super) struct Hands {
    pub(super) attempts: JoinSet<End>,
    pub(super) held: HashMap<Id, Held>,
    /// Ended, and not settled.
    pub(super) ended: Vec<Ended>,
    pub(super) settling: Option<Pending<()>>,
    /// How many are being settled.
    pub(super) settled: usize,
}

/// An item that a worker has.
pub(super) struct Held {
    pub(super) delivery: Delivery,
    pub(super) since: Moment,
    /// Outlives a worker that panics, and has its last word.
    pub(super) attempt: Attempt,
}

/// An item that no worker has any more.
pub(super) struct Ended {
    pub(super) delivery: Delivery,
    pub(super) end: End,
    /// The worker's last word, if it said why it failed.
    pub(super) said: Option<String>,
}

impl Hands {
    pub(super) fn is_empty(&self) -> bool {
        self.attempts.is_empty() && self.ended.is_empty() && self.settling.is_none()
    }

    /// How many more may be received: no more are in work than the pool has places, and no more
    /// have ended and are not settled.
    pub(super) fn free(&self, parallelism: usize) -> usize {
        let unsettled = self.ended.len() + self.settled;
        if unsettled >= parallelism.max(1) { 0 } else { parallelism.saturating_sub(self.attempts.len()) }
    }
}

/// Waits until the present step is settled; at once if there is none.
pub(super) async fn settled(settling: &mut Option<Pending<()>>) {
    if let Some(step) = settling.as_mut() {
        step.await;
    }
    *settling = None;
}

/// What a worker said that did not end by itself.
pub(super) fn panicked(error: JoinError) -> End {
    let Ok(panic) = error.try_into_panic() else { return End::Outcome(Outcome::Interrupted) };
    let message = panic.downcast::<String>().map_or_else(
        |panic| panic.downcast::<&str>().map_or_else(|_| "no message".to_owned(), |text| (*text).to_owned()),
        |text| *text,
    );
    End::Panicked(message)
}
