//! What a process is for that this binary has started as itself.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use entourage::core::{SystemClock, sleep};
use entourage_testkit::Rng;
use tokio::runtime::Runtime;

use crate::{
    DEADLINE,
    backend::Backend,
    producer::Producer,
    wire::Wire,
    worker::{Habit, Worker},
};

/// Says to this binary what it is.
pub(crate) const ROLE: &str = "ENTOURAGE_HISTORIES_ROLE";

/// What a process or a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Worker {
        lease: Duration,
        batch: usize,
        pause: Duration,
    },
    Producer {
        killers: u64,
    },
    /// Is in the middle of a transaction on the file.
    Holder,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker { lease, batch, pause } => {
                write!(f, "worker {} {batch} {}", lease.as_millis(), pause.as_micros())
            }
            Self::Producer { killers } => write!(f, "producer {killers}"),
            Self::Holder => f.write_str("holder"),
        }
    }
}

impl Role {
    fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        let role = words.next().expect("a role has a name");
        let mut next = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number is given");
        match role {
            "worker" => Self::Worker {
                lease: Duration::from_millis(next()),
                batch: usize::try_from(next()).expect("it is small"),
                pause: Duration::from_micros(next()),
            },
            "producer" => Self::Producer { killers: next() },
            "holder" => Self::Holder,
            _ => panic!("{text:?} is no role"),
        }
    }

    /// Plays the role with `backend`, speaking over `wire`.
    pub(crate) async fn play(self, backend: &Backend, wire: Wire, seed: u64) {
        match self {
            Self::Worker { lease, batch, pause } => {
                let queue = backend.open().await;
                let habit = Habit { options: backend.options(lease), batch, pause };
                Worker::join(wire, &*queue, habit, seed).await.work().await;
            }
            Self::Producer { killers } => {
                let queue = backend.open().await;
                Producer { wire, queue, killers }.produce().await;
            }
            Self::Holder => match backend {
                Backend::Sqlite(path) => hold(path).await,
                _ => unreachable!("only a file is held"),
            },
        }
    }
}

/// Two threads, whatever the machine has.
pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime can be built")
}

/// Plays a role in a process of its own; arguments: a name, the sink's socket, and the backend.
pub(crate) fn run(role: &str) {
    let mut args = env::args().skip(1);
    let mut next = || args.next().expect("the test gives a name, a socket and a backend");
    let (name, socket, backend) = (next(), PathBuf::from(next()), Backend::parse(&next()));
    let seed = name.bytes().fold(0, |seed, byte| Rng::new(seed ^ u64::from(byte)).next_u64());
    runtime().block_on(Role::parse(role).play(&backend, Wire::connect(&socket, &name), seed));
}

/// Has written to the log of the file, and does not commit.
async fn hold(path: &Path) {
    let written = rusqlite::Connection::open(path).and_then(|connection| {
        connection.busy_timeout(Duration::from_secs(5))?;
        // So that what is not committed is in the log and not in memory alone.
        connection.execute_batch(
            "PRAGMA cache_size = 1; BEGIN IMMEDIATE; CREATE TABLE half_done (what BLOB);
             WITH RECURSIVE many (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM many LIMIT 200)
             INSERT INTO half_done SELECT randomblob(4000) FROM many;",
        )?;
        Ok(connection)
    });
    let _connection = written.expect("a file that others use can be written to, sooner or later");
    println!("holding");
    // Not for ever, if nobody is left to kill it.
    sleep(&SystemClock::new(), DEADLINE).await;
}
