//! What a case is given: a fresh store, and as many processes with ways to it as it likes.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use entourage_core::{Clock, sleep, timeout};
use entourage_election::{Election, Held, Identity, LeaseLock, Ownership};
use entourage_store::{
    Call, Operation, Order, Outcome, Recorded, RecordingStore, Store, Txn, What, conformance::Reopen,
};
use tokio::task::JoinHandle;

use crate::wire::Wire;

pub(crate) const NAME: &str = "printer";
pub(crate) const FENCE: &str = "fence/printer";
/// The time to live of who is to keep what it has, however busy the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// How long is waited for what must come: who waits for a long lease to expire is found out.
const DEADLINE: Duration = Duration::from_secs(45);

/// A fresh store that nobody else uses, below a prefix of its own where it is shared.
pub(crate) struct Subject {
    open: Reopen,
    /// The time to live of who is to lose what it has.
    pub(crate) short: Duration,
    /// A handle beside those of the processes: what an operator does, and who looks on.
    pub(crate) operator: Arc<dyn Store>,
    processes: AtomicUsize,
}

/// One of the processes that contend, with a client of the store that is its own.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) wire: Wire,
    pub(crate) identity: Identity,
    record: RecordingStore<Arc<dyn Store>>,
}

impl Subject {
    /// Over the store that `open` opens, with leases that expire after `short`.
    pub(crate) async fn new(open: Reopen, short: Duration) -> Self {
        Self { operator: open().await, open, short, processes: AtomicUsize::new(0) }
    }

    pub(crate) async fn process(&self) -> Process {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        let record = RecordingStore::new((self.open)().await);
        let identity = Identity::new(format!("process-{number}"));
        Process { wire: Wire::to(record.clone()), identity, record }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.operator.clock()
    }

    /// What `future` gives, which must come.
    pub(crate) async fn within<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        let output = timeout(&*self.clock(), DEADLINE, future).await;
        output.unwrap_or_else(|_| panic!("not seen within {DEADLINE:?}: {what}"))
    }

    /// What a task gives, which must end.
    pub(crate) async fn joined<T>(&self, what: &str, task: JoinHandle<T>) -> T {
        self.within(what, task).await.unwrap()
    }

    /// What `condition` finds, asked again and again until it finds something.
    pub(crate) async fn eventually<T>(&self, what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
        let clock = self.clock();
        let looking = async {
            loop {
                if let Some(found) = condition().await {
                    return found;
                }
                sleep(&*clock, Duration::from_millis(5)).await;
            }
        };
        self.within(what, looking).await
    }

    /// The contenders' keys, in the order in which they came.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let what = What::prefix(format!("{NAME}/")).ordered(Order::Created);
        let listing = self.operator.list(&what).await.unwrap();
        listing.entries.into_iter().map(|entry| entry.key).collect()
    }

    /// Waits until so many contend.
    pub(crate) async fn contending(&self, contenders: usize) -> Vec<String> {
        let what = format!("{contenders} contend");
        self.eventually(&what, async || Some(self.keys().await).filter(|keys| keys.len() == contenders)).await
    }

    /// Waits until the process of this lock has seen that so many contend: it hands over to whom it sees.
    pub(crate) async fn seen_by(&self, lock: &LeaseLock, contenders: usize) {
        let what = format!("a process sees {contenders} contend");
        self.eventually(&what, async || (lock.status().contenders == Some(contenders)).then_some(())).await;
    }

    /// What becomes of a write under this ownership that arrives now.
    pub(crate) async fn write(&self, held: &Held, value: &'static str) -> bool {
        self.apply(held.guard(Txn::new().put("document", value))).await
    }

    /// Whether a transaction that arrives now applies.
    pub(crate) async fn apply(&self, txn: Txn) -> bool {
        matches!(self.operator.transact(txn).await.unwrap(), Outcome::Applied { .. })
    }
}

impl Process {
    /// A lock whose lease lives for `ttl`.
    pub(crate) fn lock(&self, ttl: Duration) -> LeaseLock {
        let lock = LeaseLock::builder(self.wire.fenced(), NAME).ttl(ttl);
        lock.identity(self.identity.clone()).build().unwrap()
    }

    /// An election whose leases live for `ttl`.
    pub(crate) fn election(&self, ttl: Duration) -> Election {
        let election = Election::builder(self.wire.fenced(), NAME).ttl(ttl);
        election.identity(self.identity.clone()).build().unwrap()
    }

    /// How much it has sent, watching and renewing aside.
    pub(crate) fn asked(&self) -> usize {
        let counts = |recorded: &&Recorded| !matches!(recorded.call, Call::Next { .. } | Call::Renew(_));
        self.record.calls().iter().filter(counts).count()
    }

    /// What it sent first that deletes a key.
    pub(crate) fn released(&self) -> Option<Recorded> {
        let deletes = |recorded: &Recorded| match &recorded.call {
            Call::Transact(txn) => {
                txn.operations.iter().any(|write| matches!(write, Operation::Delete { .. }))
            }
            _ => false,
        };
        self.record.calls().into_iter().find(deletes)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// Acquires in a task of its own.
pub(crate) fn acquiring(lock: LeaseLock) -> JoinHandle<Ownership> {
    tokio::spawn(async move { lock.acquire().await.unwrap() })
}
