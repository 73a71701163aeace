//! apalis over SQLite, as its page sets it up, and set up to be as durable as ours.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use apalis::prelude::{BoxDynError, Data, TaskSink, WorkerBuilder, WorkerBuilderExt, WorkerContext};
use apalis_sqlite::{Config, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use entourage_rivals::{Figure, Stopwatch};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

use crate::{BATCH, Load, Outcome, Publisher, TASKS, payload, publish};

/// How apalis is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// `SqlitePool::connect`, `SqliteStorage::setup`, the default `Config`.
    ///
    /// `setup` gives the connection that runs it synchronous OFF. The others, which the pool adds
    /// when several are asked for at once, have SQLite's usual FULL.
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
pub async fn round(one: &Path, other: &Path, load: Load, set: Set) -> Outcome<[Figure; 3]> {
    let storage = set.storage(one).await?;
    let publishers = |tasks| (0..tasks).map(|_| Apalis(storage.clone())).collect();
    let batches = publish(publishers(1), BATCH, load.turn).await?;
    let single = publish(publishers(TASKS), 1, load.turn).await?;
    storage.pool().close().await;
    Ok([batches, single, consume(set.storage(other).await?, load.backlog).await?])
}

struct Seen {
    done: AtomicUsize,
    backlog: usize,
}

async fn work(_: String, seen: Data<Arc<Seen>>, worker: WorkerContext) -> Result<(), BoxDynError> {
    if seen.done.fetch_add(1, Ordering::Relaxed) + 1 == seen.backlog {
        worker.stop()?;
    }
    Ok(())
}

/// One worker that handles 16 tasks at once.
///
/// Its tasks do not wait until they are settled: apalis notes what is done and settles in bulk.
async fn consume(storage: SqliteStorage<String>, backlog: usize) -> Outcome<Figure> {
    let pool = storage.pool().clone();
    let mut publisher = Apalis(storage.clone());
    for _ in 0..backlog / BATCH {
        publisher.publish(BATCH).await?;
    }
    let watch = Stopwatch::start();
    let seen = Arc::new(Seen { done: AtomicUsize::new(0), backlog });
    let worker = WorkerBuilder::new("worker").backend(storage).data(seen).concurrency(TASKS).build(work);
    worker.run().await?;
    let figure = watch.figure(backlog);
    let count = sqlx::query_scalar("SELECT count(*) FROM Jobs WHERE status = 'Done'");
    let done: i64 = count.fetch_one(&pool).await?;
    assert_eq!(done, backlog as i64, "what was handled is settled");
    pool.close().await;
    Ok(figure)
}
