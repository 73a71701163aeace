//! A store in one SQLite file.

mod history;
mod ledger;
mod options;
mod schema;
mod snapshot;
#[cfg(test)]
mod tests;
mod watch;

use std::{fmt, path::Path, sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Moment, Realm};
use entourage_engine::sqlite::{self as engine, Durability, SqliteFile, Stats, Tx};
use rusqlite::Connection;

pub use self::options::SqliteOptions;
use self::{ledger::Ledger, schema::SCHEMA, watch::SqliteWatch};
use crate::{
    capabilities::{Capabilities, Exclusion},
    counts::Counts,
    entry::{Entry, Version},
    error::{Error, Result},
    fenced::FencedStore,
    limits::{self, Grant},
    listing::{Listing, What},
    session::{Lease, Session, SessionId},
    store::Store,
    txn::{Outcome, Txn},
    watch::Watch,
};

/// A durable store in one SQLite file, shared by the processes of one machine.
///
/// An acknowledged write survives the loss of power; concurrent writers share an fsync. The
/// file must lie on a local disk, and must not be copied back over a running program: a file
/// that is replaced, or that comes from another machine, is refused until it is adopted
/// ([`SqliteOptions::with_adopt`]). A reboot ends every session.
///
/// A clone is a handle to the same store; when the last is dropped the file is closed.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> entourage_store::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("entourage-store-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("state");
/// use entourage_store::{SqliteStore, Store, StoreExt};
///
/// SqliteStore::open(&path)?.put("greeting", "hello".into()).await?;
///
/// let next_run = SqliteStore::open(&path)?;
/// assert_eq!(next_run.get("greeting").await?.map(|entry| entry.value), Some("hello".into()));
/// # drop(next_run);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

/// What the handles, leases and watches of one store share.
struct Shared {
    file: SqliteFile,
    name: String,
    history: usize,
    limits: Capabilities,
    counts: Counts,
}

impl Shared {
    /// Runs `act` on the store once the sessions that have expired by then are ended.
    async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Ledger<'_>, Moment) -> rusqlite::Result<Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.write_granting(|_| (), move |ledger, now, ()| act(ledger, now)).await
    }

    /// As [`Shared::write`], with what `grant` took from the file first.
    async fn write_granting<G, T: Send + 'static>(
        &self,
        grant: impl FnOnce(&mut Tx<'_>) -> G + Send + 'static,
        act: impl FnOnce(&mut Ledger<'_>, Moment, G) -> rusqlite::Result<Result<T>> + Send + 'static,
    ) -> Result<T> {
        let history = self.history;
        let job = move |tx: &mut Tx<'_>| {
            let granted = grant(tx);
            let now = tx.now();
            let mut ledger = Ledger::begin(tx)?;
            let expired = ledger.expire(now)?;
            let answer = act(&mut ledger, now, granted)?;
            ledger.finish(history)?;
            // An answer that is an error changed nothing, but what has expired has ended: so
            // it is an answer to the file, which keeps the savepoint.
            Ok::<_, engine::Error>((answer, expired))
        };
        let (answer, expired) = self.file.write(Durability::Durable, job).await?;
        self.counts.expired.add(expired);
        answer
    }

    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let read = self.file.read(move |connection| look(connection).map_err(engine::Error::from));
        Ok(read.await?)
    }

    /// Ends the sessions that have expired.
    async fn reap(&self) -> Result<()> {
        self.write(|_, _| Ok(Ok(()))).await
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).field("file", &self.file).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// The store in the file at `path`, which is created if there is none.
    ///
    /// Blocks for some milliseconds, or for 5 seconds if other processes hold the file.
    ///
    /// # Errors
    /// [`Error::Failed`] for a file that is not a store's, is of another version, or was copied
    /// or comes from another machine; it is left as it is. [`Error::Unavailable`] if others
    /// hold it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        SqliteOptions::new().open(path)
    }

    fn open_with(path: &Path, options: SqliteOptions) -> Result<Self> {
        let SqliteOptions { name, file, realm, history, max_value_bytes } = options;
        let file = SqliteFile::open(path, &SCHEMA, file)?;
        if let Some(expected) = realm {
            limits::check_realm(expected, file.realm())?;
        }
        let limits = Capabilities::new()
            .with_exclusion(Exclusion::Fenced)
            .with_durable(true)
            .with_shared(true)
            .with_max_value_bytes(max_value_bytes);
        Ok(Self { shared: Arc::new(Shared { file, name, history, limits, counts: Counts::new() }) })
    }

    /// What was done with the file since this process opened it.
    #[doc(hidden)]
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.file.stats()
    }

    fn granted(&self, grant: Grant, sent: Moment) -> Session {
        let (shared, realm) = (&self.shared, self.realm());
        let lease = SqliteLease { shared: Arc::clone(shared), grant };
        let clock = Arc::clone(shared.file.clock());
        Session::granted(grant.id(realm), grant.fence(realm), grant.ttl, sent, clock, Arc::new(lease))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { file, name, .. } = &*self.shared;
        f.debug_struct("SqliteStore").field("name", name).field("file", file).finish_non_exhaustive()
    }
}

impl From<SqliteStore> for FencedStore {
    fn from(store: SqliteStore) -> Self {
        Self::proved(store)
    }
}

impl Describe for SqliteStore {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.shared.counts.describe(blueprint, &self.shared.name, "sqlite");
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for SqliteStore {
    fn capabilities(&self) -> Capabilities {
        self.shared.limits
    }

    fn realm(&self) -> Realm {
        self.shared.file.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(self.shared.file.clock())
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.shared.counts.gets.increment();
        limits::check_key(key)?;
        // Before the snapshot: by a later time, a session that it shows may have expired there
        // and have been renewed since.
        let now = self.shared.file.clock().now();
        let key = key.to_owned();
        self.shared.read(move |connection| snapshot::get(connection, now, &key)).await
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        self.shared.counts.lists.increment();
        limits::check_what(what)?;
        let now = self.shared.file.clock().now();
        let what = what.clone();
        self.shared.read(move |connection| snapshot::list(connection, now, &what)).await
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        let shared = &self.shared;
        let answer = match limits::check_txn(&txn, &shared.limits, self.realm()) {
            Ok(()) => shared.write(|ledger, _| ledger.transact(txn)).await,
            Err(error) => Err(error),
        };
        shared.counts.transacted(&answer);
        answer
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        let ttl = self.shared.limits.granted_ttl(ttl);
        let sent = self.shared.file.clock().now();
        let open = move |ledger: &mut Ledger<'_>, now, epoch| ledger.open(now, epoch, ttl).map(Ok);
        let grant = self.shared.write_granting(|tx| tx.epoch(), open).await?;
        self.shared.counts.opened.increment();
        Ok(self.granted(grant, sent))
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        limits::check_realm(self.realm(), id.realm)?;
        let sent = self.shared.file.clock().now();
        let resume = move |ledger: &mut Ledger<'_>, now, epoch| ledger.resume(now, epoch, id);
        let grant = self.shared.write_granting(|tx| tx.epoch(), resume).await?;
        self.shared.counts.resumed.increment();
        Ok(self.granted(grant, sent))
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        let after = match after {
            Some(after) => after,
            None => self.shared.read(snapshot::latest).await?,
        };
        Ok(Box::new(SqliteWatch::new(Arc::clone(&self.shared), prefix, after)))
    }
}

/// The store's side of one incarnation of a session.
#[derive(Debug)]
struct SqliteLease {
    shared: Arc<Shared>,
    grant: Grant,
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Lease for SqliteLease {
    /// Without an fsync: after a loss of power there is nothing to renew.
    async fn renew(&self) -> Result<Duration> {
        let grant = self.grant;
        let job = move |tx: &mut Tx<'_>| ledger::renew(tx, &grant).map_err(engine::Error::from);
        if !self.shared.file.write(Durability::Relaxed, job).await? {
            return Err(Error::SessionLost { id: grant.id(self.shared.file.realm()) });
        }
        self.shared.counts.renewed.increment();
        Ok(grant.ttl)
    }

    async fn end(&self) -> Result<()> {
        let grant = self.grant;
        if self.shared.write(move |ledger, _| ledger.end(&grant).map(Ok)).await? {
            self.shared.counts.ended.increment();
        }
        Ok(())
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::Unknown(_) => Self::Unknown(Box::new(error)),
            engine::Error::Unavailable(_) => Self::Unavailable(Box::new(error)),
            engine::Error::DiskFull(_) => Self::Full(Box::new(error)),
            _ => Self::Failed(Box::new(error)),
        }
    }
}
