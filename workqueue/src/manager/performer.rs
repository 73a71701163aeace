//! One attempt: fetch the datum, run the worker, and say how it ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use entourage_core::{Clock, Retryable, Verdict, timeout};
use entourage_queue::{Item, Settler};

use crate::{
    attempt::Attempt,
    manager::{
        ledger::Entry,
        settlement::End,
        shared::{Asked, Shared, chain},
    },
    outcome::Outcome,
    source::{ItemName, SourceError, WorkSource},
    worker::Worker,
};

/// Fetches and works; shared by all attempts of a pool.
#[derive(Debug)]
pub(super) struct Performer {
    pub(super) source: Arc<dyn WorkSource>,
    pub(super) worker: Arc<dyn Worker>,
    /// Reads the ledger.
    pub(super) settler: Arc<dyn Settler>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shared: Arc<Shared>,
    /// How long the source may take to answer.
    pub(super) patience: Duration,
    /// How often in a row the source has not answered.
    pub(super) away: AtomicU32,
}

impl Performer {
    /// Makes one attempt at `item`, whose deadline is kept.
    pub(super) async fn perform(&self, item: &Item, attempt: &Attempt) -> End {
        let left = attempt.deadline().since(self.clock.now());
        timeout(&*self.clock, left, self.attempt(item, attempt)).await.unwrap_or(End::TimedOut)
    }

    /// How often in a row the source has not answered.
    pub(super) fn away(&self) -> u32 {
        self.away.load(Ordering::Relaxed)
    }

    async fn attempt(&self, item: &Item, attempt: &Attempt) -> End {
        let name = match ItemName::new(item.id().to_shared()) {
            Ok(name) => name,
            Err(why) => return End::Outcome(Outcome::Dead(why.to_string())),
        };
        let answer = timeout(&*self.clock, self.patience, self.source.item(&name)).await;
        let answer = answer.unwrap_or_else(|elapsed| {
            let what = format!("item {name:?} of {}", self.source.name());
            Err(SourceError::Unavailable { what, source: elapsed.into() })
        });
        let data = match answer {
            Ok(Some(data)) => data,
            Ok(None) => {
                self.answered();
                return self.vanished(&name).await;
            }
            Err(error) if error.verdict() == Verdict::Transient => {
                self.shared.down(Asked::Source, self.clock.now(), &error);
                self.away.fetch_add(1, Ordering::Relaxed);
                return End::Away;
            }
            Err(error) => return End::Unfetchable(chain(&error)),
        };
        self.answered();
        let mut fetched = Item::new(item.id().clone(), data.into_bytes());
        if let Some(key) = item.key() {
            fetched = fetched.with_key(key.clone());
        }
        End::Outcome(self.worker.work(&fetched, attempt).await)
    }

    /// What it means that the source does not have what is in the queue.
    ///
    /// What is published has a record that says so. Where the record is gone, or says that the
    /// item has ended, its source was told that it is dead, and somebody redrove the letter.
    async fn vanished(&self, name: &ItemName) -> End {
        if !self.source.is_used_up() {
            return End::Vanished;
        }
        let read = timeout(&*self.clock, self.patience, self.settler.state(name.as_str())).await;
        let error = match read {
            Ok(Ok(Some(record))) if Entry::finish(&record.value).is_none() => return End::Vanished,
            Ok(Ok(_)) => return End::LetGo,
            Ok(Err(error)) => error,
            Err(elapsed) => entourage_queue::Error::Unavailable(elapsed.into()),
        };
        self.shared.down(Asked::Queue, self.clock.now(), &error);
        End::Away
    }

    fn answered(&self) {
        if self.away.swap(0, Ordering::Relaxed) > 0 {
            self.shared.up(Asked::Source);
        }
    }
}
