//! What a process does that was started to share the file.

use std::{
    env, fs, future,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use entourage::{
    core::{SystemClock, sleep, timeout},
    queue::{Ask, Delivery, Item, Publication, Step},
};
use entourage_testkit::eventually_async;
use tokio::runtime::Runtime;

use crate::{
    DEADLINE,
    consumer::{Consumer, epoch, say, settle},
    role::Role,
    site::{TOTAL, input},
};

/// Two threads, whatever the machine has.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built")
}

/// Plays a role until it is over or the process is killed, and not for ever if nobody does that.
pub(crate) fn run(role: &str) {
    let mut args = env::args_os().skip(1);
    let mut next = || args.next().expect("the test gives a directory and a name");
    let (directory, name) = (PathBuf::from(next()), next().into_string().expect("a name is text"));
    let child = Child { directory, name };
    let clock = SystemClock::new();
    let playing = timeout(&clock, DEADLINE * 2, child.play(Role::parse(role)));
    runtime().block_on(playing).expect("the test ends its processes");
}

/// The work of a worker: it takes time and does nothing.
async fn pretend_to_work(time: Duration) {
    sleep(&SystemClock::new(), time).await;
}

struct Child {
    directory: PathBuf,
    name: String,
}

impl Child {
    async fn play(&self, role: Role) {
        match role {
            Role::Holder { items, lease } => self.hold(items, lease).await,
            Role::Worker { items, lease, work } => self.work(items, lease, work).await,
            Role::Merger { lease, work } => self.merge(lease, work).await,
            Role::Locker => self.lock().await,
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("queue.db")
    }

    fn was_told(&self, word: &str) -> bool {
        self.directory.join(word).exists()
    }

    async fn told(&self, word: &str) {
        let what = format!("{} is told {word}", self.name);
        eventually_async(DEADLINE, &what, async || self.was_told(word).then_some(())).await;
    }

    async fn hold(&self, items: usize, lease: Duration) {
        let mut consumer = Consumer::of(&self.file(), lease).await;
        say("asking");
        let deliveries = consumer.receive(Ask::up_to(items).at_least(items).wait(DEADLINE)).await;
        assert!(!deliveries.is_empty(), "there is nothing to hold");
        for delivery in &deliveries {
            let (id, epoch) = (delivery.id(), epoch(delivery));
            say(format_args!("held {id} {epoch} {} {}", delivery.attempt(), delivery.lapses()));
        }
        let (settle_it, close) = (format!("{}-settle", self.name), format!("{}-close", self.name));
        let settles = eventually_async(DEADLINE, "a holder is told what to do", async || {
            let settles = self.was_told(&settle_it);
            (settles || self.was_told(&close)).then_some(settles)
        })
        .await;
        if settles {
            let renewed = consumer.renew(&deliveries).await;
            say(format_args!("renewed {renewed:?}"));
            consumer.try_apply(settle(deliveries)).await;
            self.told(&close).await;
        }
        consumer.close().await;
    }

    async fn work(&self, items: usize, lease: Duration, work: Duration) {
        let mut consumer = Consumer::of(&self.file(), lease).await;
        let mut stops = 0;
        loop {
            if self.was_told(&format!("{}-quiet-{stops}", self.name)) {
                say(format_args!("quiet-{stops}"));
                self.told(&format!("{}-go-{stops}", self.name)).await;
                stops += 1;
            }
            let deliveries = consumer.receive(Ask::up_to(items).wait(lease)).await;
            if deliveries.is_empty() {
                continue;
            }
            self.write("held", &deliveries);
            if deliveries.iter().any(|delivery| delivery.id().as_str() == "poison") {
                say("poison");
                return future::pending().await;
            }
            pretend_to_work(work).await;
            self.write("settling", &deliveries);
            consumer.apply(settle(deliveries)).await;
        }
    }

    /// One line an item, all in one write: so no other process's lines come between.
    fn write(&self, verb: &str, deliveries: &[Delivery]) {
        let line = |delivery: &Delivery| format!("{verb} {}@{}\n", delivery.id(), epoch(delivery));
        let text: String = deliveries.iter().map(line).collect();
        let sink = fs::OpenOptions::new().append(true).create(true).open(self.directory.join("sink"));
        sink.and_then(|mut sink| sink.write_all(text.as_bytes())).expect("the sink takes it");
    }

    async fn merge(&self, lease: Duration, work: Duration) {
        const MOST: usize = 4;
        let mut consumer = Consumer::of(&self.file(), lease).await;
        say("asking");
        loop {
            let ask = Ask::up_to(MOST).at_least(2).same_bundle().wait(lease);
            let deliveries = consumer.receive(ask).await;
            match deliveries.len() {
                0 => continue,
                1 => {
                    // Who needs another one keeps this, and another process does the same.
                    say("alone");
                    return future::pending().await;
                }
                _ => {}
            }
            pretend_to_work(work).await;
            let numbers = deliveries.iter().map(|delivery| number(delivery.item()));
            let sum = numbers.sum::<u64>().to_string();
            let name = format!("merged@{}", epoch(&deliveries[0]));
            let merged = Publication::new(input(), Item::new(name, sum).with_bundle(TOTAL));
            consumer.apply(deliveries.into_iter().fold(Step::new(), Step::accept).publish(merged)).await;
        }
    }

    /// As a process that was stopped in the middle of a transaction.
    async fn lock(&self) {
        let connection = open(&self.file()).expect("the file opens");
        say("locked");
        self.told("unlock").await;
        connection.execute_batch("COMMIT").expect("a transaction without writes ends");
        say("unlocked");
    }
}

/// The number that an item carries.
pub(crate) fn number(item: &Item) -> u64 {
    let text = std::str::from_utf8(item.payload()).expect("a number is text");
    text.parse().expect("a partial is a number")
}

fn open(path: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(DEADLINE)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    Ok(connection)
}
