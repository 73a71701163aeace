//! A store in a cluster of etcd.

mod call;
mod cluster;
mod fault;
mod keys;
mod list;
mod options;
mod server;
mod session;
mod turn;
mod txn;
mod watch;

use std::{fmt, sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};

pub use self::options::EtcdOptions;
use self::{cluster::Cluster, fault::Fault, keys::Keyspace, txn::Plan, watch::EtcdWatch};
use crate::{
    capabilities::{Capabilities, Exclusion},
    counts::Counts,
    entry::{Entry, Version},
    error::{Error, Result},
    fenced::FencedStore,
    limits,
    listing::{Listing, What},
    session::{Session, SessionId},
    store::Store,
    txn::{Outcome, Txn},
    watch::Watch,
};

/// A store in a cluster of etcd (3.4 to 3.6), shared by whoever reaches it.
///
/// Keys are plain below a prefix, so that `etcdctl get --prefix` shows them; a version is a
/// revision, a session a lease, and the realm the cluster's id. No call waits for an answer
/// longer than its time-out ([`EtcdOptions::with_timeout`]): a write that was sent by then is
/// [`Unknown`](Error::Unknown).
///
/// After a change of leader etcd lets every lease run for its full time once more, so that keys
/// outlive a dead holder by that. Data that is restored from a snapshot under the same
/// `--initial-cluster-token` has the same realm; where that shows, because revisions went
/// back, every call says so.
///
/// A clone is a handle to the same store. The connections live on the runtime that the store
/// was made on.
///
/// # Examples
/// ```no_run
/// # async fn run() -> entourage_store::Result<()> {
/// use entourage_store::{EtcdOptions, StoreExt};
///
/// let store = EtcdOptions::new(["127.0.0.1:2379"]).with_prefix("team-a/").connect().await?;
/// store.put("greeting", "hello".into()).await?; // team-a/greeting to etcdctl
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct EtcdStore {
    shared: Arc<Shared>,
}

/// What the handles, leases and watches of one store share.
struct Shared {
    cluster: Cluster,
    keys: Keyspace,
    name: String,
    limits: Capabilities,
    max_request_bytes: usize,
    counts: Counts,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("name", &self.name)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

impl EtcdStore {
    /// The shortest time to live that a server grants by its default `--election-timeout`.
    const MIN_TTL: Duration = Duration::from_secs(2);
    /// Leases have whole seconds.
    const TTL_STEP: Duration = Duration::from_secs(1);
    /// A server looks for leases that are over twice a second, and then has to commit their end.
    const EXPIRY_LAG: Duration = Duration::from_secs(1);
    /// A server's default `--max-txn-ops`, which counts conditions and writes each by
    /// themselves; so does what a session or a refusal adds.
    const MAX_OPERATIONS: usize = 128;

    /// The store of a cluster, of which these are servers (`host:port`); all of its keys.
    ///
    /// # Errors
    /// As [`EtcdOptions::connect`].
    pub async fn connect(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        EtcdOptions::new(endpoints).connect().await
    }

    async fn connect_with(options: EtcdOptions) -> Result<Self> {
        let keys = Keyspace::new(&options.prefix);
        let cluster = Cluster::new(&options, keys.probe());
        cluster.revision().await?;
        let limits = Capabilities::new()
            .with_exclusion(Exclusion::Fenced)
            .with_durable(true)
            .with_shared(true)
            .with_max_operations(Self::MAX_OPERATIONS)
            .with_max_value_bytes(options.max_value_bytes)
            .with_ttl(Self::MIN_TTL, Self::TTL_STEP)
            .with_expiry_lag(Self::EXPIRY_LAG);
        let EtcdOptions { name, max_request_bytes, .. } = options;
        let counts = Counts::new();
        Ok(Self { shared: Arc::new(Shared { cluster, keys, name, limits, max_request_bytes, counts }) })
    }

    async fn judge(&self, txn: Txn) -> Result<Outcome> {
        let Shared { cluster, keys, limits, max_request_bytes, .. } = &*self.shared;
        limits::check_txn(&txn, limits, self.realm())?;
        // A lease that ends between the compare and the write's own look ends the session.
        let writes_under = txn.operations.iter().find_map(|operation| match operation {
            crate::Operation::Put { session, .. } => *session,
            crate::Operation::Delete { .. } => None,
        });
        let plan = Plan::new(txn, keys);
        if plan.bytes > *max_request_bytes {
            let (given, limit) = (plan.bytes as u64, *max_request_bytes as u64);
            return Err(Error::TooLarge { what: "the transaction in bytes", given, limit });
        }
        match cluster.txn(plan.intent, &plan.request).await {
            Ok((answer, at)) => plan.outcome(&answer, at, keys, self.realm()),
            Err(Fault::LeaseGone) => match writes_under {
                Some(id) => Err(Error::SessionLost { id }),
                None => Err(Fault::LeaseGone.into()),
            },
            Err(fault) => Err(fault.into()),
        }
    }
}

impl fmt::Debug for EtcdStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { cluster, keys, name, .. } = &*self.shared;
        f.debug_struct("EtcdStore")
            .field("name", name)
            .field("keys", keys)
            .field("cluster", cluster)
            .finish_non_exhaustive()
    }
}

impl From<EtcdStore> for FencedStore {
    fn from(store: EtcdStore) -> Self {
        Self::proved(store)
    }
}

impl Describe for EtcdStore {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.shared.counts.describe(blueprint, &self.shared.name, "etcd");
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for EtcdStore {
    fn capabilities(&self) -> Capabilities {
        self.shared.limits
    }

    fn realm(&self) -> Realm {
        self.shared.cluster.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(self.shared.cluster.clock())
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.shared.counts.gets.increment();
        limits::check_key(key)?;
        list::get(&self.shared.cluster, &self.shared.keys, key).await
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        self.shared.counts.lists.increment();
        limits::check_what(what)?;
        list::list(&self.shared.cluster, &self.shared.keys, what).await
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        let answer = self.judge(txn).await;
        self.shared.counts.transacted(&answer);
        answer
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        let session = session::open(&self.shared, self.shared.limits.granted_ttl(ttl)).await?;
        self.shared.counts.opened.increment();
        Ok(session)
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        limits::check_realm(self.realm(), id.realm)?;
        let session = session::resume(&self.shared, id).await?;
        self.shared.counts.resumed.increment();
        Ok(session)
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        Ok(Box::new(EtcdWatch::open(&self.shared, prefix, after).await?))
    }
}
