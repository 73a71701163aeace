//! What only a queue in a file has: the file.

mod against_memory;
mod audit;
pub(super) mod clock;
mod file;
mod reboot;
mod shared;
mod window;

use std::{mem, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    Ask, Delivery, Item, Publication, Published, Queue, Receiver, Settler, SqliteQueue, SqliteQueueOptions,
    Stats, SubscribeOptions,
};

use self::clock::TestClock;

/// A directory that is deleted with its guard.
pub(super) struct Scratch(entourage_testkit::Scratch);

impl Scratch {
    pub(super) fn new() -> Self {
        Self(entourage_testkit::Scratch::new())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.join("queue.db")
    }

    pub(super) fn open(&self, clock: &Arc<TestClock>) -> SqliteQueue {
        let options = SqliteQueueOptions::new().with_clock(Arc::clone(clock) as _);
        SqliteQueue::open_with(self.path(), options).unwrap()
    }
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn plain(id: &str) -> Publication {
    Publication::new("work", Item::new(id, id.to_owned()))
}

fn keyed(id: &str, key: &str) -> Publication {
    Publication::new("work", Item::new(id, id.to_owned()).with_key(key))
}

async fn put(queue: &SqliteQueue, batch: Vec<Publication>) {
    let published = queue.publish(batch).await.unwrap();
    assert!(published.iter().all(|one| *one == Published::Accepted), "{published:?}");
}

async fn join(queue: &SqliteQueue, group: &str) -> (Box<dyn Receiver>, Arc<dyn Settler>) {
    let options = SubscribeOptions::new().with_lease(seconds(30)).with_time_limit(seconds(600));
    queue.subscribe(&["work".into()], &group.into(), options).await.unwrap()
}

async fn receive(receiver: &mut dyn Receiver, max: usize) -> Vec<Delivery> {
    receiver.receive(Ask::up_to(max).wait(Duration::ZERO)).await.unwrap()
}

async fn stats(queue: &SqliteQueue) -> Stats {
    queue.stats(&"work".into(), &"workers".into()).await.unwrap()
}

fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.id().as_str()).collect()
}

/// As kill -9 does it: nothing is given back, and no heartbeat comes any more.
fn kill(receiver: Box<dyn Receiver>, deliveries: Vec<Delivery>) {
    mem::forget(deliveries);
    mem::forget(receiver);
}

/// The clock of a boot, some hours after it.
fn boot(name: &'static str) -> Arc<TestClock> {
    TestClock::new(name, seconds(10_000))
}
