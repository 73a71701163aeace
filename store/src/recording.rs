//! A store that remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Fence, Moment, Realm};

use crate::{
    capabilities::Capabilities,
    entry::{Entry, Version},
    error::Result,
    fenced::FencedStore,
    listing::{Listing, What},
    session::{Lease, Session, SessionId},
    store::Store,
    txn::{Outcome, Txn},
    watch::{Change, Watch},
};

/// What a store was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// [`Store::get`] of a key.
    Get(String),
    /// [`Store::list`].
    List(What),
    /// [`Store::transact`].
    Transact(Txn),
    /// [`Store::session`] for a time to live.
    Session(Duration),
    /// [`Store::resume`].
    Resume(SessionId),
    /// [`Session::renew`].
    Renew(SessionId),
    /// [`Session::end`].
    End(SessionId),
    /// [`Store::watch`].
    Watch {
        /// The prefix.
        prefix: String,
        /// The version after which it begins; `None` from now on.
        after: Option<Version>,
    },
    /// [`Watch::next`].
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

/// Records every call of a store with its answer, and forwards everything.
///
/// For tests: assert on what a pattern asked, rather than on how it is written. It keeps the
/// latest calls up to a limit. A clone shares the record.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> entourage_store::Result<()> {
/// use entourage_store::{Answer, Call, MemoryStore, RecordingStore, Store};
///
/// let store = RecordingStore::new(MemoryStore::new());
/// store.get("owner").await?;
/// let calls = store.calls();
/// assert_eq!(calls[0].call, Call::Get("owner".to_owned()));
/// assert_eq!(calls[0].answer, Some(Answer::Entry(None)));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct RecordingStore<S> {
    inner: S,
    log: Log,
}

impl<S: Store> RecordingStore<S> {
    /// Records the latest 10,000 calls.
    pub fn new(store: S) -> Self {
        Self::with_limit(store, 10_000)
    }

    /// Records the latest `calls` calls.
    pub fn with_limit(store: S, calls: usize) -> Self {
        let record = Record { calls: VecDeque::new(), forgotten: 0, limit: calls };
        let log = Log { clock: store.clock(), record: Arc::new(Mutex::new(record)) };
        Self { inner: store, log }
    }

    /// The recorded calls, in the order in which they were sent.
    #[must_use]
    pub fn calls(&self) -> Vec<Recorded> {
        self.log.record().calls.iter().cloned().collect()
    }

    /// How many earlier calls the limit has dropped from the record.
    #[must_use]
    pub fn forgotten(&self) -> usize {
        self.log.record().forgotten
    }

    /// Forwards a grant under a lease that records.
    async fn granting(&self, call: Call, grant: impl Future<Output = Result<Session>>) -> Result<Session> {
        // Before the inner store reads its own: the outer belief must not end later.
        let sent = self.log.clock.now();
        let granted = |session: &Session| Answer::Granted {
            id: session.id(),
            fence: session.fence().clone(),
            ttl: session.granted_ttl(),
        };
        let session = self.log.around(call, granted, grant).await?;
        let (id, fence, ttl) = (session.id(), session.fence().clone(), session.granted_ttl());
        let lease = RecordingLease { session, log: self.log.clone() };
        Ok(Session::granted(id, fence, ttl, sent, self.inner.clock(), Arc::new(lease)))
    }
}

/// A handle to the record.
#[derive(Clone, Debug)]
struct Log {
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
    fn record(&self) -> MutexGuard<'_, Record> {
        // Every update leaves a whole record behind.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the call, awaits it, and records what came of it.
    async fn around<T>(
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
        let sent = self.clock.now();
        let mut record = self.record();
        record.calls.push_back(Recorded { sent, call, answer: None });
        let number = record.forgotten + record.calls.len() - 1;
        while record.calls.len() > record.limit {
            record.calls.pop_front();
            record.forgotten += 1;
        }
        number
    }
}

impl<S: Store> From<RecordingStore<S>> for FencedStore
where
    Self: From<S>,
{
    /// Exclusion is the inner store's.
    fn from(store: RecordingStore<S>) -> Self {
        Self::proved(store)
    }
}

impl<S: Store> Describe for RecordingStore<S> {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for RecordingStore<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        let answer = |entry: &Option<Entry>| Answer::Entry(entry.clone());
        self.log.around(Call::Get(key.to_owned()), answer, self.inner.get(key)).await
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        let answer = |listing: &Listing| Answer::Listing(listing.clone());
        self.log.around(Call::List(what.clone()), answer, self.inner.list(what)).await
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        let answer = |outcome: &Outcome| Answer::Outcome(outcome.clone());
        self.log.around(Call::Transact(txn.clone()), answer, self.inner.transact(txn)).await
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        self.granting(Call::Session(ttl), self.inner.session(ttl)).await
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        self.granting(Call::Resume(id), self.inner.resume(id)).await
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        let call = Call::Watch { prefix: prefix.to_owned(), after };
        let watch = self.inner.watch(prefix, after);
        let inner = self.log.around(call, |_| Answer::Watching, watch).await?;
        Ok(Box::new(RecordingWatch { inner, prefix: prefix.to_owned(), log: self.log.clone() }))
    }
}

/// Records what the holder of a session asks of it.
#[derive(Debug)]
struct RecordingLease {
    session: Session,
    log: Log,
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Lease for RecordingLease {
    async fn renew(&self) -> Result<Duration> {
        let renew = async { self.session.renew().await.map(|_| self.session.granted_ttl()) };
        self.log.around(Call::Renew(self.session.id()), |ttl| Answer::Renewed(*ttl), renew).await
    }

    async fn end(&self) -> Result<()> {
        self.log.around(Call::End(self.session.id()), |()| Answer::Ended, self.session.end()).await
    }
}

/// Records what a watch sees.
#[derive(Debug)]
struct RecordingWatch {
    inner: Box<dyn Watch>,
    prefix: String,
    log: Log,
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for RecordingWatch {
    async fn next(&mut self) -> Result<Change> {
        let answer = |change: &Change| Answer::Change(change.clone());
        self.log.around(Call::Next { prefix: self.prefix.clone() }, answer, self.inner.next()).await
    }

    fn position(&self) -> Version {
        self.inner.position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[tokio::test]
    async fn the_record_is_bounded_and_keeps_the_latest() {
        let store = RecordingStore::with_limit(MemoryStore::new(), 2);
        for key in ["a", "b", "c"] {
            store.get(key).await.unwrap();
        }
        let calls: Vec<_> = store.calls().into_iter().map(|recorded| recorded.call).collect();
        assert_eq!(calls, [Call::Get("b".to_owned()), Call::Get("c".to_owned())]);
        assert_eq!(store.forgotten(), 1);
    }

    #[tokio::test]
    async fn what_is_asked_of_sessions_and_watches_is_recorded_too() {
        let store = RecordingStore::new(MemoryStore::new());
        let session = store.session(Duration::from_secs(9)).await.unwrap();
        session.renew().await.unwrap();
        let mut watch = store.watch("", None).await.unwrap();
        let txn = Txn::new().put_with("k", "1", session.id());
        assert!(store.transact(txn).await.unwrap().applied().is_some());
        watch.next().await.unwrap();
        session.end().await.unwrap();
        store.resume(session.id()).await.unwrap_err();
        let answers: Vec<_> = store.calls().into_iter().filter_map(|recorded| recorded.answer).collect();
        assert!(matches!(
            answers[..],
            [
                Answer::Granted { .. },
                Answer::Renewed(_),
                Answer::Watching,
                Answer::Outcome(Outcome::Applied { .. }),
                Answer::Change(Change::Put(_)),
                Answer::Ended,
                Answer::Failed(_),
            ]
        ));
    }

    #[tokio::test]
    async fn a_call_that_nobody_waited_for_has_no_answer() {
        let store = RecordingStore::new(MemoryStore::new());
        let mut watch = store.watch("", None).await.unwrap();
        tokio::select! {
            biased;
            _ = watch.next() => panic!("nothing changes"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(store.calls()[1].answer, None);
    }
}
