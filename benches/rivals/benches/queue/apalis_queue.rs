//! apalis over SQLite, as its page sets it up, and set up to be as durable as ours.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use apalis::prelude::{BoxDynError, Data, TaskSink, WorkerBuilder, WorkerBuilderExt, WorkerContext};
use apalis_sqlite::{Config, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use entourage_rivals::{Figure, Stopwatch};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

use crate::{BATCH, Outcome, Publisher, TASKS, payload, publish};

const ITEMS: usize = 2_000;

/// How apalis is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// `SqlitePool::connect`, `SqliteStorage::setup`, the default `Config`.
    AsDocumented,
    /// Every connection has WAL and synchronous FULL beside the other pragmas of `setup`.
    Durable,
}

impl Set {
    async fn storage(self, path: &Path) -> Outcome<SqliteStorage<String>> {
        let queue = Config::default().queue("work");
        if self == Self::AsDocumented {
            let pool = SqlitePool::connect(&format!("sqlite://{}?mode=rwc", path.display())).await?;
            SqliteStorage::setup(&pool).await?;
            return Ok(SqliteStorage::new(&pool).with_config(queue));
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("temp_store", "MEMORY")
            .pragma("cache_size", "64000")
            .pragma("journal_size_limit", "67108864");
        // One connection: several wait for each other's lock by sleeping, and get less done.
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        SqliteStorage::migrations().run(&pool).await?;
        Ok(SqliteStorage::new(&pool).with_config(queue.batch_size(BATCH)))
    }
}

struct Apalis(SqliteStorage<String>);

impl Publisher for Apalis {
    async fn publish(&mut self, items: usize) -> Outcome {
        if items == 1 {
            self.0.push(payload()).await?;
        } else {
            self.0.push_bulk(vec![payload(); items]).await?;
        }
        Ok(())
    }
}

/// Published in batches and one by one, into one new file, and consumed from another.
pub async fn round(one: &Path, other: &Path, turn: Duration, set: Set) -> Outcome<[Figure; 3]> {
    let storage = set.storage(one).await?;
    let publishers = |tasks| (0..tasks).map(|_| Apalis(storage.clone())).collect();
    let batches = publish(publishers(1), BATCH, turn).await?;
    let single = publish(publishers(TASKS), 1, turn).await?;
    storage.pool().close().await;
    Ok([batches, single, consume(set.storage(other).await?).await?])
}

struct Seen {
    done: AtomicUsize,
}

async fn work(_: String, seen: Data<Arc<Seen>>, worker: WorkerContext) -> Result<(), BoxDynError> {
    if seen.done.fetch_add(1, Ordering::Relaxed) + 1 == ITEMS {
        worker.stop()?;
    }
    Ok(())
}

/// One worker that handles 16 tasks at once.
async fn consume(storage: SqliteStorage<String>) -> Outcome<Figure> {
    let pool = storage.pool().clone();
    let mut publisher = Apalis(storage.clone());
    for _ in 0..ITEMS / BATCH {
        publisher.publish(BATCH).await?;
    }
    let watch = Stopwatch::start();
    let seen = Arc::new(Seen { done: AtomicUsize::new(0) });
    let worker = WorkerBuilder::new("worker").backend(storage).data(seen).concurrency(TASKS).build(work);
    worker.run().await?;
    let figure = watch.figure(ITEMS);
    let count = sqlx::query_scalar("SELECT count(*) FROM Jobs WHERE status = 'Done'");
    let done: i64 = count.fetch_one(&pool).await?;
    assert_eq!(done, ITEMS as i64, "what was handled is settled");
    pool.close().await;
    Ok(figure)
}
