//! A queue in one SQLite file, shared by the processes of one machine.

mod broker;
mod codec;
mod consumer;
mod dead;
mod dedupe;
mod fault;
mod grant;
mod key;
mod lease;
mod name;
mod options;
mod place;
mod publish;
mod remembered;
mod schema;
mod settle;
mod state;
mod stats;
mod step;
mod stirs;
mod sweep;
#[cfg(test)]
mod tests;
mod work;

use std::{path::Path, sync::Arc};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};
use entourage_engine::sqlite::{Durability, Options, SqliteFile};
use rusqlite::config::DbConfig;

use crate::{
    broker::{Activity, Broker},
    capabilities::Capabilities,
    consumer as consuming,
    error::{Error, Result},
    item::{Group, Publication, Published, Topic},
    limits,
    options::{SubscribeOptions, TopicOptions},
    queue::Queue,
    receiver::Receiver,
    settler::Settler,
    state::Record,
    stats::{Dead, Redrive, Stats},
};

pub use self::options::SqliteQueueOptions;

use self::{broker::SqliteBroker, fault::Fault, stats::Room, stirs::Stirs, work::Work};

/// A queue in one file: durable, without a server, shared by the processes of one machine.
///
/// What was published, stepped, configured or redriven is on the disk before the answer.
/// Leases, heartbeats and what is given back are visible to every process at once and
/// survive the killing of any, but take no fsync of their own: the loss of power ends every
/// lease anyway, so what it may undo of them is undone in any case. A lapse that was counted
/// just before may be forgotten then, and its item is delivered once more.
///
/// A reboot is an interruption of all that was leased: it is ready again, no attempt burnt.
/// Delays and windows start again in full. A clone is a handle to the same queue.
///
/// # Examples
/// ```
/// use entourage_queue::{Item, Publication, Queue, SqliteQueue};
///
/// # let file = std::env::temp_dir().join(format!("entourage-doc-{}.db", std::process::id()));
/// # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
/// let queue = SqliteQueue::open(&file)?;
/// queue.publish(vec![Publication::new("mail", Item::new("17", "hello"))]).await?;
/// drop(queue);
///
/// let queue = SqliteQueue::open(&file)?;
/// assert_eq!(queue.stats(&"mail".into(), &"senders".into()).await?.ready, 1);
/// # Ok::<(), entourage_queue::Error>(()) }).expect("it works");
/// # for end in ["", "-wal", "-shm", "-lock", "-turn"] {
/// #     let _ = std::fs::remove_file(format!("{}{end}", file.display()));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SqliteQueue {
    inner: Arc<SqliteBroker>,
}

impl SqliteQueue {
    /// Opens the queue in the file at `path`, which is created if need be.
    ///
    /// Blocks for some milliseconds.
    ///
    /// # Errors
    /// As [`SqliteQueue::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, SqliteQueueOptions::new())
    }

    /// Opens the queue in the file at `path` like this; creates it if need be.
    ///
    /// # Errors
    /// [`Error::Failed`] for a file that is not a queue's, is of another version, or comes
    /// from elsewhere and is not adopted; its source names the file and says what to do.
    /// [`Error::ForeignRealm`] for one of another realm than the options demand;
    /// [`Error::NoSpace`] and [`Error::Unavailable`] as their names say.
    pub fn open_with(path: impl AsRef<Path>, options: SqliteQueueOptions) -> Result<Self> {
        let SqliteQueueOptions { name, topics, realm, adopt, clock, patience } = options;
        let opening = Options::new().with_clock(clock).with_adopt(adopt).with_patience(patience);
        let file = SqliteFile::open(path, &schema::SCHEMA, opening).map_err(Fault::File)?;
        // Else SQLite plans many a cached statement anew at each use: rusqlite clears bindings
        // in between, and a plan may depend on them. The job is in line before any other.
        drop(file.submit(Durability::Relaxed, |tx| {
            tx.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            Ok::<_, Fault>(())
        }));
        limits::check_realm(realm.unwrap_or_else(|| file.realm()), file.realm())?;
        Ok(Self { inner: Arc::new(SqliteBroker::new(file, name, topics)) })
    }

    /// Where the file lies, links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file().path()
    }

    /// How many commits were fsynced since the file was opened here.
    ///
    /// Publishers and settlers that are busy at the same time share one.
    #[must_use]
    pub fn durable_commits(&self) -> u64 {
        let stats = self.file().stats();
        stats.durable_commits + stats.reservations
    }

    fn file(&self) -> &SqliteFile {
        &self.inner.file
    }

    /// What `look` sees in a snapshot; or what `sweep` does, if something is overdue first.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Work<'_>) -> rusqlite::Result<Option<T>> + Send + 'static,
        sweep: impl FnOnce(&mut Work<'_>) -> rusqlite::Result<(T, sweep::Swept)> + Send + 'static,
    ) -> Result<T> {
        let clock = Arc::clone(self.file().clock());
        let seen = self.file().read(move |conn| Ok::<_, Fault>(look(&Work::new(conn, clock.now()))?));
        if let Some(seen) = seen.await? {
            return Ok(seen);
        }
        let counts = self.inner.counts.clone();
        let swept = self.file().write(Durability::Relaxed, move |tx| {
            let (seen, swept) = sweep(&mut Work::new(tx, tx.now()))?;
            swept.count(&counts);
            Ok::<_, Fault>(seen)
        });
        Ok(swept.await?)
    }
}

impl Describe for SqliteQueue {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.counts.describe(blueprint, &self.inner.name, "sqlite");
    }
}

#[async_trait::async_trait]
impl Queue for SqliteQueue {
    fn capabilities(&self) -> Capabilities {
        Broker::capabilities(&*self.inner)
    }

    fn realm(&self) -> Realm {
        self.file().realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(self.file().clock())
    }

    async fn configure(&self, topic: &Topic, options: TopicOptions) -> Result<()> {
        limits::check_topic(topic, &options)?;
        let topic = topic.clone();
        let configured = self.file().write(Durability::Durable, move |tx| {
            let mut work = Work::new(tx, tx.now());
            name::configure(&mut work, &topic, &options)?;
            work.flush()?;
            Ok::<_, Fault>(())
        });
        Ok(configured.await?)
    }

    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>> {
        limits::check_publish(&batch, &Queue::capabilities(self))?;
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (topics, counts) = (self.inner.topics, self.inner.counts.clone());
        let published = self
            .file()
            .write(Durability::Durable, move |tx| publish::publish(tx, &batch, &topics, &counts))
            .await
            .map_err(Error::from);
        self.inner.counts.published(&published);
        published
    }

    async fn subscribe(
        &self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
    ) -> Result<(Box<dyn Receiver>, Arc<dyn Settler>)> {
        let broker = Arc::clone(&self.inner);
        consuming::subscribe(broker, topics, group, options).await
    }

    async fn stats(&self, topic: &Topic, group: &Group) -> Result<Stats> {
        let of = (topic.clone(), group.clone());
        let after = of.clone();
        self.look(
            move |work| stats::at_rest(work, &of.0, &of.1),
            move |work| stats::swept(work, &after.0, &after.1),
        )
        .await
    }

    async fn dead(&self, topic: &Topic, group: &Group, limit: usize) -> Result<Vec<Dead>> {
        let of = (topic.clone(), group.clone());
        let after = of.clone();
        self.look(
            move |work| dead::at_rest(work, &of.0, &of.1, limit),
            move |work| dead::swept(work, &after.0, &after.1, limit),
        )
        .await
    }

    async fn redrive(&self, topic: &Topic, group: &Group, which: Redrive) -> Result<u64> {
        let (topic, group, counts) = (topic.clone(), group.clone(), self.inner.counts.clone());
        let redriven = self.file().write(Durability::Durable, move |tx| {
            let (redriven, swept) = dead::redrive(tx, &topic, &group, &which)?;
            swept.count(&counts);
            counts.redriven.add(redriven);
            Ok::<_, Fault>(redriven)
        });
        Ok(redriven.await?)
    }

    async fn records(&self, group: &Group, prefix: &str) -> Result<Vec<Record>> {
        let (group, prefix, clock) = (group.clone(), prefix.to_owned(), self.clock());
        let records = self.file().read(move |conn| {
            let work = Work::new(conn, clock.now());
            let Some(group) = name::group(&work, &group)? else { return Ok(Vec::new()) };
            Ok::<_, Fault>(state::records(&work, group, &prefix)?)
        });
        Ok(records.await?)
    }

    async fn room(&self, topic: &Topic, items: u64) -> Result<()> {
        let mut stirs = Stirs::new(&self.inner.lookout);
        loop {
            let topic = topic.clone();
            let after = topic.clone();
            let room = self.look(
                move |work| stats::room_at_rest(work, &topic, items),
                move |work| stats::room_swept(work, &after, items),
            );
            let Room::From(until) = room.await? else { return Ok(()) };
            // A lease that ends may make a dead letter of its item, which is room.
            let deadline = consuming::sleep_until(&**self.file().clock(), until);
            tokio::select! {
                biased;
                () = stirs.next() => {}
                () = deadline => {}
            }
        }
    }
}
