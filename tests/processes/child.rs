//! What a process does that was started to share the file.

use std::{
    env, fmt, fs, future,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use entourage::{
    core::{Clock, SystemClock, sleep},
    queue::{
        Ask, Delivery, Error, Publication, Queue, Receiver, Result, Settler, SqliteQueue, StateWrite, Step,
        SubscribeOptions, Unapplied,
    },
};
use entourage_testkit::eventually_async;
use tokio::runtime::Runtime;

use crate::{
    DEADLINE,
    site::{effect, input, output, workers},
};

/// Says to this binary what it is.
pub(crate) const ROLE: &str = "ENTOURAGE_PROCESSES_ROLE";

/// What a process is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Receives this many items at once, says what it `held`, and waits for `NAME-settle`, then
    /// for `NAME-close`.
    Holder { items: usize, lease: Duration },
    /// Settles item after item, up to so many in a step, each time after some work.
    Worker { items: usize, lease: Duration, work: Duration },
    /// Holds the file's lock until `unlock`.
    Locker,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holder { items, lease } => write!(f, "holder {items} {}", lease.as_millis()),
            Self::Worker { items, lease, work } => {
                write!(f, "worker {items} {} {}", lease.as_millis(), work.as_millis())
            }
            Self::Locker => f.write_str("locker"),
        }
    }
}

impl Role {
    fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        let role = words.next().expect("a role has a name");
        let mut next = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number is given");
        let count = |number| usize::try_from(number).expect("it is small");
        match role {
            "holder" => Self::Holder { items: count(next()), lease: Duration::from_millis(next()) },
            "worker" => Self::Worker {
                items: count(next()),
                lease: Duration::from_millis(next()),
                work: Duration::from_millis(next()),
            },
            "locker" => Self::Locker,
            _ => panic!("{text:?} is no role"),
        }
    }
}

/// Two threads, whatever the machine has.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built")
}

pub(crate) fn options(lease: Duration) -> SubscribeOptions {
    SubscribeOptions::new().with_lease(lease)
}

/// Plays a role until it is over, or for [`DEADLINE`] if nobody is left to end it.
pub(crate) fn run(role: &str) {
    let mut args = env::args_os().skip(1);
    let mut next = || args.next().expect("the test gives a directory and a name");
    let (directory, name) = (PathBuf::from(next()), next().into_string().expect("a name is text"));
    let child = Child { directory, name };
    match Role::parse(role) {
        Role::Holder { items, lease } => runtime().block_on(child.hold(items, lease)),
        Role::Worker { items, lease, work } => runtime().block_on(child.work(items, lease, work)),
        Role::Locker => runtime().block_on(child.lock()),
    }
}

struct Child {
    directory: PathBuf,
    name: String,
}

fn say(line: impl fmt::Display) {
    println!("{line}");
}

fn epoch(delivery: &Delivery) -> u64 {
    delivery.fence().epoch()
}

/// Items whose number is divisible by this are given up instead of accepted.
pub(crate) const UNWANTED: u64 = 97;

pub(crate) fn is_unwanted(id: &str) -> bool {
    id.parse::<u64>().is_ok_and(|number| number % UNWANTED == 0)
}

/// Settles every delivery, says so in the state and sends it on.
fn settle(deliveries: Vec<Delivery>) -> Step {
    deliveries.into_iter().fold(Step::new(), |step, delivery| {
        let (id, epoch) = (delivery.id().clone(), epoch(&delivery));
        // Whatever version stands there: that must not be what keeps a second attempt out.
        let value = Some(epoch.to_string().into());
        let step = step.state(StateWrite { key: id.to_string(), expected: None, value });
        if is_unwanted(id.as_str()) {
            step.reject(delivery, "it is unwanted")
        } else {
            step.publish(Publication::new(output(), effect(&id, epoch))).accept(delivery)
        }
    })
}

impl Child {
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

    async fn subscribe(&self, lease: Duration) -> (Box<dyn Receiver>, Arc<dyn Settler>) {
        let queue = SqliteQueue::open(self.file()).expect("the queue opens");
        queue.subscribe(&[input()], &workers(), options(lease)).await.expect("the queue answers")
    }

    async fn hold(&self, items: usize, lease: Duration) {
        let (mut receiver, settler) = self.subscribe(lease).await;
        say("asking");
        let ask = Ask::up_to(items).at_least(items).wait(DEADLINE);
        let deliveries = receiver.receive(ask).await.expect("the queue answers");
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
            let renewed: Vec<_> = renew(&*settler, &deliveries).await;
            say(format_args!("renewed {renewed:?}"));
            match settler.step(settle(deliveries)).await {
                Ok(_) => say("settled"),
                Err(Unapplied { error, .. }) => say(format_args!("refused {error:?}")),
            }
            self.told(&close).await;
        }
        receiver.close().await.expect("the queue answers");
        say("closed");
    }

    async fn work(&self, items: usize, lease: Duration, work: Duration) {
        let (mut receiver, settler) = self.subscribe(lease).await;
        let clock = SystemClock::new();
        let end = clock.now() + DEADLINE * 2;
        let mut tally = Tally::default();
        while clock.now() < end {
            self.stand_still_if_told(&mut tally).await;
            let deliveries = match receiver.receive(Ask::up_to(items).wait(lease)).await {
                Ok(deliveries) if deliveries.is_empty() => {
                    say("idle");
                    continue;
                }
                Ok(deliveries) => deliveries,
                Err(Error::Closed) => panic!("a receiver that nobody closed is closed"),
                Err(error) => {
                    say(format_args!("error {error:?}"));
                    sleep(&clock, Duration::from_millis(10)).await;
                    continue;
                }
            };
            self.write("held", &deliveries);
            if deliveries.iter().any(|delivery| delivery.id().as_str() == "poison") {
                say("poison");
                future::pending::<()>().await;
            }
            sleep(&clock, work).await;
            self.write("settling", &deliveries);
            tally.step(&*settler, settle(deliveries)).await;
        }
    }

    /// One line an item, all in one write: so no other process's lines come between.
    fn write(&self, verb: &str, deliveries: &[Delivery]) {
        let line = |delivery: &Delivery| format!("{verb} {}@{}\n", delivery.id(), epoch(delivery));
        let text: String = deliveries.iter().map(line).collect();
        let sink = fs::OpenOptions::new().append(true).create(true).open(self.directory.join("sink"));
        sink.and_then(|mut sink| sink.write_all(text.as_bytes())).expect("the sink takes it");
    }

    /// The test is told what was settled here, and reads the counts before it lets go.
    async fn stand_still_if_told(&self, tally: &mut Tally) {
        let (quiet, go) = (format!("quiet-{}", tally.stops), format!("go-{}", tally.stops));
        if self.was_told(&quiet) {
            say(format_args!("{quiet} {} {}", tally.accepted, tally.rejected));
            self.told(&go).await;
            tally.stops += 1;
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

fn open(path: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(DEADLINE)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    Ok(connection)
}

async fn renew(settler: &dyn Settler, deliveries: &[Delivery]) -> Vec<Result<()>> {
    let mut results = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        results.push(settler.renew(delivery, DEADLINE).await);
    }
    results
}

/// What a worker has done.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    rejected: usize,
    /// How often it has stood still.
    stops: usize,
}

impl Tally {
    /// Applies the step, again while the queue is not available or has not answered.
    async fn step(&mut self, settler: &dyn Settler, mut step: Step) {
        let (accepted, rejected) = (step.accept.len(), step.reject.len());
        loop {
            match settler.step(step).await {
                Ok(_) => {
                    self.accepted += accepted;
                    self.rejected += rejected;
                    return say(format_args!("settled {}", accepted + rejected));
                }
                Err(Unapplied { error: Error::Stale { .. }, .. }) => return say("refused"),
                Err(Unapplied {
                    error: error @ (Error::Unavailable(_) | Error::Unknown(_)),
                    step: again,
                }) => {
                    say(format_args!("error {error:?}"));
                    step = *again;
                    sleep(&SystemClock::new(), Duration::from_millis(10)).await;
                }
                Err(Unapplied { error, .. }) => panic!("a step was refused: {error:?}"),
            }
        }
    }
}
