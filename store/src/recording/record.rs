//! What was asked of a store, and what it answered.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_core::{Clock, Fence, Moment};

use crate::{
    entry::{Entry, Version},
    error::Result,
    listing::{Listing, What},
    session::SessionId,
    txn::{Outcome, Txn},
    watch::Change,
};

/// What a store was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// [`Store::get`](crate::Store::get) of a key.
    Get(String),
    /// [`Store::list`](crate::Store::list).
    List(What),
    /// [`Store::transact`](crate::Store::transact).
    Transact(Txn),
    /// [`Store::session`](crate::Store::session) for a time to live.
    Session(Duration),
    /// [`Store::resume`](crate::Store::resume).
    Resume(SessionId),
    /// [`Session::renew`](crate::Session::renew).
    Renew(SessionId),
    /// [`Session::end`](crate::Session::end).
    End(SessionId),
    /// [`Store::watch`](crate::Store::watch).
    Watch {
        /// The prefix.
        prefix: String,
        /// The version after which it begins; `None` from now on.
        after: Option<Version>,
    },
    /// [`Watch::next`](crate::Watch::next).
    Next {
        /// The prefix that is watched.
        prefix: String,
    },
}

/// What a store answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// What stands under a key.
    Entry(Option<Entry>),
    /// A listing.
    Listing(Listing),
    /// What became of a transaction.
    Outcome(Outcome),
    /// A session was opened or resumed.
    Granted {
        /// Its name.
        id: SessionId,
        /// The fence of this incarnation.
        fence: Fence,
        /// The time to live that was granted.
        ttl: Duration,
    },
    /// A session was renewed for this time.
    Renewed(Duration),
    /// A session was ended.
    Ended,
    /// A watch was opened.
    Watching,
    /// A watch saw a change.
    Change(Change),
    /// An error, as it prints.
    Failed(String),
}

/// One call and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When it was sent, by the store's clock.
    pub sent: Moment,
    /// What was asked.
    pub call: Call,
    /// The answer; `None` while it is awaited, and for ever if the caller stopped waiting.
    pub answer: Option<Answer>,
}

/// A handle to the record of the latest calls.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    clock: Arc<dyn Clock>,
    record: Arc<Mutex<Record>>,
}

#[derive(Debug)]
struct Record {
    calls: VecDeque<Recorded>,
    forgotten: usize,
    limit: usize,
}

impl Log {
    /// An empty record of the latest `limit` calls.
    pub(crate) fn new(clock: Arc<dyn Clock>, limit: usize) -> Self {
        let record = Record { calls: VecDeque::new(), forgotten: 0, limit };
        Self { clock, record: Arc::new(Mutex::new(record)) }
    }

    pub(crate) fn calls(&self) -> Vec<Recorded> {
        self.record().calls.iter().cloned().collect()
    }

    pub(crate) fn forgotten(&self) -> usize {
        self.record().forgotten
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        // Every update leaves a whole record behind.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the call, awaits it, and records what came of it.
    pub(crate) async fn around<T>(
        &self,
        call: Call,
        answer: impl FnOnce(&T) -> Answer,
        asked: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let number = self.begin(call);
        let answered = asked.await;
        let shown = match &answered {
            Ok(value) => answer(value),
            Err(error) => Answer::Failed(error.to_string()),
        };
        let mut record = self.record();
        let place = number.checked_sub(record.forgotten);
        if let Some(recorded) = place.and_then(|place| record.calls.get_mut(place)) {
            recorded.answer = Some(shown);
        }
        answered
    }

    /// The number of the call, counted from the first ever.
    fn begin(&self, call: Call) -> usize {
        let mut record = self.record();
        // Read under the lock, so that the calls stand in the order in which they were sent.
        let sent = self.clock.now();
        record.calls.push_back(Recorded { sent, call, answer: None });
        let number = record.forgotten + record.calls.len() - 1;
        while record.calls.len() > record.limit {
            record.calls.pop_front();
            record.forgotten += 1;
        }
        number
    }
}
