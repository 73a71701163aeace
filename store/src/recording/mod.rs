//! A store that remembers what it was asked.

mod record;

use std::{sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};

use self::record::Log;
pub use self::record::{Answer, Call, Recorded};
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
        let log = Log::new(store.clock(), calls);
        Self { inner: store, log }
    }

    /// The recorded calls, in the order in which they were sent.
    #[must_use]
    pub fn calls(&self) -> Vec<Recorded> {
        self.log.calls()
    }

    /// How many earlier calls the limit has dropped from the record.
    #[must_use]
    pub fn forgotten(&self) -> usize {
        self.log.forgotten()
    }

    /// Forwards a grant under a lease that records.
    async fn granting(&self, call: Call, grant: impl Future<Output = Result<Session>>) -> Result<Session> {
        // Before the inner store reads its own: the outer belief must not end later.
        let sent = self.inner.clock().now();
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
