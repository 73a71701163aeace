//! `SqliteStore` against one transaction per write on the same disk.
//!
//! `cargo bench --features full --bench store [-- --writes 20000] [--tasks 16] [--bytes 64]`
//!
//! Counts fsyncs as durable commits, each of which is one fsync of the log (checked with
//! `strace -f -c -e trace=fsync,fdatasync`); those of checkpoints come on top.

use std::{env, fs, sync::Arc};

use bytes::Bytes;
use entourage::{
    core::{Clock, SystemClock},
    store::{SqliteStore, Store, Txn},
};
use rusqlite::Connection;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = env::args().collect();
    let smoke = !arguments.iter().any(|a| a == "--bench");
    let named = |name: &str| {
        arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)?.parse::<u64>().ok())
    };
    let writes = named("--writes").unwrap_or(if smoke { 200 } else { 20_000 });
    let value = vec![7; named("--bytes").unwrap_or(64) as usize];
    let folder = env::temp_dir().join(format!("entourage-bench-store-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the temporary directory is writable");

    println!("values of {} bytes", value.len());
    println!("tasks  writes/s  fsyncs/write  of one transaction per write (medians of {ROUNDS} rounds)");
    for tasks in named("--tasks").map_or_else(|| vec![1, 16, 64], |tasks| vec![tasks]) {
        let (mut ratios, mut rates, mut syncs) = (Vec::new(), Vec::new(), 0.0);
        for round in 0..ROUNDS {
            let share = if tasks == 1 { writes / 10 } else { writes };
            let (ours, per_write) =
                store(&folder.join(format!("{tasks}-{round}.db")), tasks, share, &value).await;
            let theirs = plain(&folder.join(format!("{tasks}-{round}.raw")), writes / 10, &value);
            ratios.push(ours / theirs);
            rates.push(ours);
            syncs = f64::max(syncs, per_write);
        }
        println!("{tasks:5}  {:8.0}  {syncs:12.3}  {:.2}", median(&mut rates), median(&mut ratios));
    }
    fs::remove_dir_all(&folder).expect("the folder is ours");
}

const ROUNDS: usize = 5;

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Writes a second, and fsyncs a write.
async fn store(path: &std::path::Path, tasks: u64, writes: u64, value: &[u8]) -> (f64, f64) {
    let store = Arc::new(SqliteStore::open(path).expect("a new file opens"));
    let before = store.stats().durable_commits;
    let clock = SystemClock::new();
    let began = clock.now();
    let write = |task: u64| {
        let (store, value) = (Arc::clone(&store), Bytes::copy_from_slice(value));
        async move {
            for n in 0..writes / tasks {
                let key = format!("key/{task}/{}", n % 1000);
                let outcome =
                    store.transact(Txn::new().put(key, value.clone())).await.expect("the disk has room");
                assert!(outcome.applied().is_some());
            }
        }
    };
    let running: Vec<_> = (0..tasks).map(|task| tokio::spawn(write(task))).collect();
    for task in running {
        task.await.expect("a writer does not panic");
    }
    let seconds = clock.now().since(began).as_secs_f64();
    let done = (writes / tasks * tasks) as f64;
    (done / seconds, (store.stats().durable_commits - before) as f64 / done)
}

/// Writes a second, with the same durability, an index of the same shape and nothing else.
fn plain(path: &std::path::Path, writes: u64, value: &[u8]) -> f64 {
    let raw = Connection::open(path).expect("a new file opens");
    raw.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB, version INTEGER, created INTEGER) WITHOUT ROWID;",
    )
    .expect("the schema is sound");
    let clock = SystemClock::new();
    let began = clock.now();
    let sql =
        "INSERT INTO entries VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO UPDATE SET value = ?2, version = ?3";
    let mut insert = raw.prepare(sql).expect("the statement is sound");
    for n in 0..writes {
        let key = format!("key/{}/{}", n % 16, n / 16 % 1000);
        insert.execute((key, value, n.cast_signed())).expect("the disk has room");
    }
    writes as f64 / clock.now().since(began).as_secs_f64()
}
