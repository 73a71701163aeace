//! Two managers on one Redis.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::Shutdown;
use entourage_queue::{Queue, RedisQueue};
use entourage_testkit::{Redis, Requirement, eventually_async};

use crate::{FromNames, Outcome, WorkQueue, WorkQueueOptions, worker_fn};

const ITEMS: usize = 250;
/// Long enough for a busy machine; nothing waits so long unless it fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// More than one script takes at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_managers_on_one_redis_do_what_is_listed_once() {
    if !Requirement::from(Redis::available()).is_met("redis") {
        return;
    }
    let redis = Redis::start();
    let begun = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let shutdown = Shutdown::new();
    let mut running = Vec::new();
    for _ in 0..2 {
        let queue = RedisQueue::open(&format!("redis://{}/jobs", redis.endpoint())).await.unwrap();
        let (begun, shutdown) = (Arc::clone(&begun), shutdown.clone());
        let worker = worker_fn("count", move |item, _| {
            *begun.lock().unwrap().entry(item.id().to_string()).or_default() += 1;
            async { Outcome::Done }
        });
        let names = FromNames::from_iter((0..ITEMS).map(|number| number.to_string()));
        let manager = WorkQueue::new("numbers", names, queue, worker)
            .with_options(WorkQueueOptions::new().with_parallelism(8));
        running.push(tokio::spawn(async move { manager.run(&shutdown).await }));
    }
    let onlooker = RedisQueue::open(&format!("redis://{}/jobs", redis.endpoint())).await.unwrap();
    eventually_async(DEADLINE, "all are recorded as done", async || {
        let records = onlooker.records(&"numbers".into(), "").await.ok()?;
        let is_done = records.len() == ITEMS && records.iter().all(|record| record.value == "done");
        is_done.then_some(())
    })
    .await;
    shutdown.drain();
    for manager in running {
        manager.await.unwrap().unwrap();
    }
    let begun = begun.lock().unwrap();
    assert_eq!(begun.len(), ITEMS);
    assert!(begun.values().all(|times| *times == 1), "{begun:?}");
}
