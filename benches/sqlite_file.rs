//! Figures of the crate page: `cargo bench --features full --bench sqlite_file [FOLDER]`.
//!
//! Counts are of this run; times are medians of alternating rounds on the disk of FOLDER
//! (default: the target directory). Beside it stands raw rusqlite, a transaction a write.

use std::{
    env, fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use entourage::core::{Clock, Moment, SystemClock, sleep};
use entourage_engine::sqlite::{Durability, Error, Options, Schema, SqliteFile, Stats};
use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);
const INSERT: &str = "INSERT INTO note (body) VALUES (?1)";
const NOTES: Schema = Schema {
    name: "notes",
    version: 1,
    create: "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, body TEXT) STRICT;",
    rebooted: |_, _| Ok(()),
};

fn main() {
    let given = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let folder = given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let folder = folder.join(format!("sqlite-file-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder can be made");
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    sharing(&runtime, &folder);
    turns(&folder);
    notice(&runtime, &folder);
    reads(&runtime, &folder);
    idle(&folder);
    fs::remove_dir_all(&folder).expect("the folder can be removed");
}

fn open(folder: &Path, name: &str) -> SqliteFile {
    SqliteFile::open(folder.join(name), &NOTES, Options::new()).expect("the file opens")
}

fn now() -> Moment {
    SystemClock::new().now()
}

fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    values[values.len() / 2]
}

/// Writes from `tasks` tasks for a round; writes a second, and the file's counts.
fn shared(runtime: &Runtime, folder: &Path, tasks: usize, durability: Durability) -> (f64, Stats) {
    let file = open(folder, "shared");
    let until = now() + ROUND;
    runtime.block_on(async {
        let work = |_| {
            let file = file.clone();
            tokio::spawn(async move {
                while now() < until {
                    let job = |tx: &mut entourage_engine::sqlite::Tx<'_>| {
                        Ok::<_, Error>(tx.prepare_cached(INSERT)?.execute(["a body of some bytes"])?)
                    };
                    file.write(durability, job).await.expect("the write is done");
                }
            })
        };
        for task in (0..tasks).map(work).collect::<Vec<_>>() {
            task.await.expect("the task ends");
        }
    });
    let stats = file.stats();
    (stats.jobs as f64 / ROUND.as_secs_f64(), stats)
}

/// One transaction a write, by one thread.
fn raw(folder: &Path) -> f64 {
    let connection = Connection::open(folder.join("raw")).expect("the file opens");
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, body TEXT) STRICT;")
        .expect("the table is made");
    let (until, mut writes) = (now() + ROUND, 0);
    while now() < until {
        let mut insert = connection.prepare_cached(INSERT).expect("a statement");
        insert.execute(["a body of some bytes"]).expect("the write is done");
        writes += 1;
    }
    f64::from(writes) / ROUND.as_secs_f64()
}

fn sharing(runtime: &Runtime, folder: &Path) {
    let rows = [
        (1, Durability::Durable),
        (16, Durability::Durable),
        (64, Durability::Durable),
        (16, Durability::Relaxed),
    ];
    for (tasks, durability) in rows {
        let (mut rates, mut ratios, mut fsyncs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let alone = raw(folder);
            let (rate, stats) = shared(runtime, folder, tasks, durability);
            rates.push(rate);
            ratios.push(rate / alone);
            fsyncs.push((stats.durable_commits + stats.reservations) as f64 / stats.jobs as f64);
        }
        let (rate, ratio, fsyncs) = (median(rates), median(ratios), median(fsyncs));
        println!(
            "{durability:?}, {tasks} tasks: {rate:.0} writes/s, {ratio:.1} x raw, {fsyncs:.3} fsyncs a write"
        );
    }
}

/// Two busy handles on one file, each with a thread of its own.
fn turns(folder: &Path) {
    for durability in [Durability::Durable, Durability::Relaxed] {
        let busy = |_: usize| {
            let folder = folder.to_owned();
            thread::spawn(move || {
                let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
                shared(&runtime, &folder, 4, durability).1
            })
        };
        let commits = [0, 1].map(busy).map(|thread| thread.join().expect("the thread ends"));
        let [one, two] = commits.map(|stats| stats.durable_commits + stats.relaxed_commits);
        let least = one.min(two) * 100 / (one + two);
        println!("{durability:?}, two busy handles: {} commits/s, the lesser has {least} %", one + two);
    }
}

fn notice(runtime: &Runtime, folder: &Path) {
    let (writer, listener) = (open(folder, "notice"), open(folder, "notice"));
    let clock = SystemClock::new();
    let waits = runtime.block_on(async {
        let mut waits = Vec::new();
        let mut changes = listener.changes();
        for _ in 0..500 {
            let insert =
                |tx: &mut entourage_engine::sqlite::Tx<'_>| Ok::<_, Error>(tx.execute(INSERT, ["x"])?);
            writer.write(Durability::Durable, insert).await.expect("the write is done");
            let answered = now();
            changes.next().await;
            waits.push(now().since(answered));
            sleep(&clock, Duration::from_millis(5)).await;
            // The net may have caught it once more.
            changes = listener.changes();
        }
        waits
    });
    let mut waits = waits;
    waits.sort();
    println!("notice at another handle: {:?} median, {:?} p99", waits[250], waits[495]);
}

fn reads(runtime: &Runtime, folder: &Path) {
    let file = open(folder, "reads");
    let begun = now();
    const READS: u32 = 20_000;
    runtime.block_on(async {
        for _ in 0..READS {
            let read = |connection: &Connection| {
                let mut count = connection.prepare_cached("SELECT count(*) FROM note WHERE id = 1")?;
                Ok::<i64, Error>(count.query_row([], |row| row.get(0))?)
            };
            file.read(read).await.expect("the read is done");
        }
    });
    println!("a read, one at a time: {:?}", now().since(begun) / READS);
}

fn idle(folder: &Path) {
    let _file = open(folder, "idle");
    let spent = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let before = spent();
    let pause = Duration::from_secs(5);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(sleep(&SystemClock::new(), pause));
    let share = (spent() - before).as_secs_f64() / pause.as_secs_f64();
    println!("idle: {:.3} % of a core", share * 100.0);
}
