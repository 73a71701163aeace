//! Lists and Streams of others as sources: used up once, and lost by no crash.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod list;
mod list_faults;
mod stream;
mod stream_faults;
mod stream_hands;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use entourage_core::Shutdown;
use entourage_queue::{MemoryQueue, Queue};
use entourage_testkit::{Redis, Requirement, eventually_async};
use entourage_workqueue::{
    ItemName, Listing, Outcome, RedisOptions, SourceResult, WorkQueue, WorkQueueOptions, WorkSource,
    worker_fn,
};
use tokio::task::JoinHandle;

/// Long enough for a busy machine; nothing waits so long unless it fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// Whether there is a Redis on this machine; a test without one returns.
fn is_here() -> bool {
    Requirement::from(Redis::available()).is_met("redis")
}

/// A server, with calls that are given up after two seconds.
fn at(redis: &Redis) -> RedisOptions {
    let two = Duration::from_secs(2);
    let options = RedisOptions::from_url(&format!("redis://{}", redis.endpoint())).unwrap();
    options.with_timeout(two).with_connect_timeout(two)
}

fn name(text: &str) -> ItemName {
    ItemName::new(text).unwrap()
}

fn texts(listing: &Listing) -> Vec<&str> {
    listing.names().iter().map(ItemName::as_str).collect()
}

/// What `redis-cli` says, line by line.
fn said(redis: &Redis, args: &[&str]) -> Vec<String> {
    redis.cli(args).stdout.lines().map(str::to_owned).collect()
}

/// A listing, once the source answers.
async fn listed(source: &impl WorkSource) -> Listing {
    eventually_async(DEADLINE, "the source answers", async || source.items().await.ok()).await
}

/// An error with what it comes from.
fn why<T: std::fmt::Debug>(answer: SourceResult<T>) -> String {
    let error = answer.expect_err("it was to fail");
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {source}")
}

/// What workers were given, by name: how often, and the data.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<BTreeMap<String, (u32, String)>>>);

impl Log {
    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn data(&self) -> Vec<String> {
        self.0.lock().unwrap().values().map(|(_, data)| data.clone()).collect()
    }

    fn most(&self) -> u32 {
        self.0.lock().unwrap().values().map(|(times, _)| *times).max().unwrap_or(0)
    }

    fn add(&self, name: &str, data: &[u8]) {
        let mut log = self.0.lock().unwrap();
        let entry = log.entry(name.to_owned()).or_default();
        *entry = (entry.0 + 1, String::from_utf8_lossy(data).into_owned());
    }
}

/// A manager that works off a source, writes down what it does, and gives up what says `bad`.
struct Manager {
    queue: WorkQueue,
    shutdown: Shutdown,
    task: JoinHandle<entourage_queue::Result<()>>,
}

impl Manager {
    fn start(source: impl WorkSource, queue: &MemoryQueue, log: &Log) -> Self {
        let log = log.clone();
        let worker = worker_fn("log", move |item, _| {
            log.add(item.id().as_str(), item.payload());
            let is_bad = item.payload() == "bad";
            async move { if is_bad { Outcome::Dead("bad".to_owned()) } else { Outcome::Done } }
        });
        let options = WorkQueueOptions::new()
            .with_parallelism(8)
            .with_interval(Duration::from_millis(200))
            .with_backoff(Duration::from_millis(10), Duration::from_millis(500));
        let queue = WorkQueue::new("site", source, queue.clone(), worker).with_options(options);
        let (shutdown, run) = (Shutdown::new(), queue.clone());
        let token = shutdown.clone();
        let task = tokio::spawn(async move { run.run(&token).await });
        Self { queue, shutdown, task }
    }

    async fn drain(self) {
        self.shutdown.drain();
        self.task.await.unwrap().unwrap();
    }

    /// Ends it as a crash does: it says nothing more to anybody.
    async fn crash(self) {
        self.task.abort();
        drop(self.queue);
        let _ = self.task.await;
    }
}

async fn records(queue: &MemoryQueue) -> usize {
    queue.records(&"site".into(), "").await.unwrap().len()
}
