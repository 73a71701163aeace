//! A process that wants a lock, and writes while it has it, and once more when it has lost it.

use std::{env, fmt, time::Duration};

use entourage::{
    core::{Clock, Moment, SystemClock, sleep},
    election::{Held, Identity, LeaseLock},
    store::{EtcdOptions, EtcdStore, Outcome, Store, Txn},
};

use crate::{
    DEADLINE, TTL,
    report::{Answer, Belief, Report},
};

/// Between two writes of an owner.
const PAUSE: Duration = Duration::from_millis(40);
/// How long a call may take, and a connection.
const CALL: Duration = Duration::from_secs(1);

/// Where the entries of a lock's log are: in the order of their creation they are its history.
pub(crate) fn log_of(lock: &str) -> String {
    format!("log/{lock}/")
}

/// An entry's key: its epoch, and what makes it one of its own.
fn entry(lock: &str, epoch: u64, contender: &str, number: u64) -> String {
    format!("{}{epoch}/{contender}-{number}", log_of(lock))
}

/// The epoch under which an entry was written.
pub(crate) fn epoch_of(lock: &str, key: &str) -> Option<u64> {
    key.strip_prefix(&log_of(lock))?.split('/').next()?.parse().ok()
}

/// Contends until the process is killed; arguments: the lock, and the servers.
pub(crate) fn run(name: &str) {
    let mut args = env::args().skip(1);
    let lock = args.next().expect("the test names a lock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be built").block_on(contend(name, &lock, args.collect()));
}

async fn contend(name: &str, lock: &str, servers: Vec<String>) {
    let store = EtcdOptions::new(servers).with_timeout(CALL).with_connect_timeout(CALL / 2).connect().await;
    let store = store.expect("the cluster answers at the start");
    // A killed contender's entries are not to be written again by the one that follows it.
    let name = format!("{name}-{:x}", SystemClock::new().now().as_nanos());
    let writer = Writer { store: store.clone(), lock: lock.to_owned(), name: name.clone() };
    let lease = LeaseLock::builder(store, lock).ttl(TTL).identity(Identity::new(name)).build();
    let lease = lease.expect("the name and the time to live are good");
    let mut number = 0;
    loop {
        let ownership = lease.acquire().await.expect("what is lost is acquired again");
        let (held, epoch) = (ownership.held(), ownership.fence().epoch());
        say(Report::Granted { epoch, at: now() });
        // Whether it ended in time or was cut short, it is over.
        let _ = ownership.run(|held| writer.write_while(held, &mut number)).await;
        say(Report::Lost { epoch, at: now() });
        writer.write_late(&held, &mut number).await;
    }
}

fn now() -> Moment {
    SystemClock::new().now()
}

fn say(line: impl fmt::Display) {
    println!("{line}");
}

/// What writes to the log of a lock.
struct Writer {
    store: EtcdStore,
    lock: String,
    name: String,
}

impl Writer {
    /// Writes again and again while it is owned.
    async fn write_while(&self, held: Held, number: &mut u64) {
        loop {
            let at = now();
            let (is_held, until) = (held.is_held(), held.until());
            if !is_held {
                return;
            }
            let epoch = held.fence().epoch();
            let answer = self.write(&held, number).await;
            say(Report::Wrote { epoch, belief: Belief { at, until }, answer });
            sleep(&SystemClock::new(), PAUSE).await;
        }
    }

    /// Writes as somebody does who has not noticed, until there is an answer.
    async fn write_late(&self, held: &Held, number: &mut u64) {
        let deadline = now() + DEADLINE;
        let epoch = held.fence().epoch();
        while now() < deadline {
            match self.write(held, number).await {
                Answer::Unknown => sleep(&SystemClock::new(), PAUSE).await,
                answer => return say(Report::Late { epoch, answer }),
            }
        }
    }

    async fn write(&self, held: &Held, number: &mut u64) -> Answer {
        *number += 1;
        let key = entry(&self.lock, held.fence().epoch(), &self.name, *number);
        match self.store.transact(held.guard(Txn::new().put(key, ""))).await {
            Ok(Outcome::Applied { version }) => Answer::Accepted(version.number()),
            Ok(Outcome::Refused { .. }) => Answer::Refused,
            Err(_) => Answer::Unknown,
        }
    }
}
