//! apalis over Redis, as its page sets it up, with tasks that are fetched by the hundred.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use apalis::prelude::{BoxDynError, Data, TaskSink, WorkerBuilder, WorkerBuilderExt, WorkerContext};
use apalis_redis::{Config, RedisStorage};
use entourage_rivals::{Figure, Stopwatch};
use redis::AsyncCommands;

use crate::{Load, Outcome, payload};

struct Seen {
    done: AtomicUsize,
    items: usize,
}

async fn work(_: String, seen: Data<Arc<Seen>>, worker: WorkerContext) -> Result<(), BoxDynError> {
    if seen.done.fetch_add(1, Ordering::Relaxed) + 1 == seen.items {
        worker.stop()?;
    }
    Ok(())
}

/// Published in batches, and then consumed by one worker.
pub async fn turn(endpoint: &str, load: Load) -> Outcome<[Figure; 2]> {
    let mut server = apalis_redis::connect(format!("redis://{endpoint}/")).await?;
    let config = Config::default().queue("work").batch_size(load.batch);
    let done_tasks = config.done_jobs_set();
    let mut storage: RedisStorage<String> = RedisStorage::new(server.clone()).with_config(config);
    let watch = Stopwatch::start();
    for _ in (0..load.items).step_by(load.batch) {
        storage.push_bulk(vec![payload(); load.batch]).await?;
    }
    let published = watch.figure(load.items);
    let watch = Stopwatch::start();
    let seen = Arc::new(Seen { done: AtomicUsize::new(0), items: load.items });
    let worker = WorkerBuilder::new("worker").backend(storage).data(seen);
    worker.concurrency(load.batch).build(work).run().await?;
    let consumed = watch.figure(load.items);
    let done: usize = server.scard(done_tasks).await?;
    assert_eq!(done, load.items, "what was handled is settled");
    Ok([published, consumed])
}
