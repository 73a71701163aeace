//! `SqliteQueue` beside raw rusqlite on the same disk, in the same run.
//!
//! `cargo bench --features full --bench queue_sqlite -- [DIRECTORY]`
//!
//! Batches of a hundred items of 100 bytes go through publish, receive and accept. Beside
//! them, alternating round by round, plain rusqlite inserts as many bodies and ready rows in
//! one transaction, and selects and deletes them in another: no leases, fences, ids that are
//! remembered, counts, capacity, steps, threads or other processes. Medians of the rounds.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use entourage::{
    core::{Clock, SystemClock},
    queue::{
        Ask, Item, Publication, Queue, Receiver, Settler, SettlerExt, SqliteQueue, SubscribeOptions, Topic,
    },
};
use rusqlite::Connection;

const BATCH: usize = 100;
const BATCHES: usize = 200;
const ROUNDS: usize = 9;
const PAYLOAD: [u8; 100] = [b'x'; 100];

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    // Cargo passes `--bench`; a directory on another disk may follow.
    let directory = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = directory.map_or_else(std::env::temp_dir, PathBuf::from);
    let scratch = Scratch(directory.join(format!("entourage-bench-{}", process::id())));
    fs::create_dir_all(&scratch.0)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(compare(&scratch.0))
}

async fn compare(directory: &Path) -> Outcome {
    let mut ours = Ours::open(&directory.join("ours.db")).await?;
    let mut raw = Raw::open(&directory.join("raw.db"))?;
    let (mut fast, mut plain) = (Vec::new(), Vec::new());
    let before = ours.queue.durable_commits();
    for _ in 0..ROUNDS {
        fast.push(ours.round().await?);
        plain.push(raw.round()?);
    }
    let fsyncs = (ours.queue.durable_commits() - before) as f64 / (BATCHES * ROUNDS) as f64;
    let [publish, receive, accept] = [0, 1, 2].map(|phase| median(fast.iter().map(|round| round[phase])));
    let [insert, delete] = [0, 1].map(|phase| median(plain.iter().map(|round| round[phase])));
    let whole = median(fast.iter().map(|round| round.iter().sum()));
    let raw = median(plain.iter().map(|round| round.iter().sum()));

    println!("items a second, batches of {BATCH}, medians of {ROUNDS} rounds of {BATCHES} batches");
    println!(
        "queue   publish {:>8.0}   receive {:>8.0}   accept {:>8.0}   whole {:>8.0}",
        rate(publish),
        rate(receive),
        rate(accept),
        rate(whole)
    );
    println!(
        "raw     insert  {:>8.0}   select and delete {:>18.0}   whole {:>8.0}",
        rate(insert),
        rate(delete),
        rate(raw)
    );
    println!("queue / raw = {:.2}", raw / whole);
    println!("fsyncs a batch = {fsyncs:.3}");
    Ok(())
}

fn rate(seconds: f64) -> f64 {
    (BATCH * BATCHES) as f64 / seconds
}

fn median(seconds: impl Iterator<Item = f64>) -> f64 {
    let mut seconds: Vec<_> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Adds what `work` takes.
struct Watch {
    clock: SystemClock,
    total: Duration,
}

impl Watch {
    const fn new() -> Self {
        Self { clock: SystemClock::new(), total: Duration::ZERO }
    }

    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let since = self.clock.now();
        let answer = work();
        self.total += self.clock.now().since(since);
        answer
    }

    async fn wait<T>(&mut self, work: impl Future<Output = T>) -> T {
        let since = self.clock.now();
        let answer = work.await;
        self.total += self.clock.now().since(since);
        answer
    }
}

struct Ours {
    queue: SqliteQueue,
    receiver: Box<dyn Receiver>,
    settler: std::sync::Arc<dyn Settler>,
    next: u64,
}

impl Ours {
    async fn open(path: &Path) -> Outcome<Self> {
        let queue = SqliteQueue::open(path)?;
        let topics = [Topic::from("work")];
        let (receiver, settler) =
            queue.subscribe(&topics, &"workers".into(), SubscribeOptions::new()).await?;
        Ok(Self { queue, receiver, settler, next: 0 })
    }

    async fn round(&mut self) -> Outcome<[f64; 3]> {
        let mut watches = [Watch::new(), Watch::new(), Watch::new()];
        for _ in 0..BATCHES {
            let batch = (0..BATCH).map(|_| {
                self.next += 1;
                Publication::new("work", Item::new(format!("item-{:012}", self.next), &PAYLOAD[..]))
            });
            let batch = batch.collect();
            watches[0].wait(self.queue.publish(batch)).await?;
            let items = watches[1].wait(self.receiver.receive(Ask::up_to(BATCH).at_least(BATCH))).await?;
            assert_eq!(items.len(), BATCH);
            watches[2].wait(self.settler.accept(items)).await?;
        }
        Ok(watches.map(|watch| watch.total.as_secs_f64()))
    }
}

struct Raw {
    connection: Connection,
    next: i64,
}

impl Raw {
    fn open(path: &Path) -> Outcome<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE body (seq INTEGER PRIMARY KEY, topic INTEGER NOT NULL, id TEXT NOT NULL, payload BLOB NOT NULL);
            CREATE TABLE ready (topic INTEGER NOT NULL, priority INTEGER NOT NULL, seq INTEGER NOT NULL,
                PRIMARY KEY (topic, priority, seq)) WITHOUT ROWID;",
        )?;
        Ok(Self { connection, next: 0 })
    }

    fn round(&mut self) -> Outcome<[f64; 2]> {
        let mut watches = [Watch::new(), Watch::new()];
        for _ in 0..BATCHES {
            let first = self.next + 1;
            let ids: Vec<_> = (0..BATCH as i64).map(|n| format!("item-{:012}", first + n)).collect();
            self.next += BATCH as i64;
            watches[0].time(|| self.insert(first, &ids))?;
            let items = watches[1].time(|| self.delete())?;
            assert_eq!(items.len(), BATCH);
        }
        Ok(watches.map(|watch| watch.total.as_secs_f64()))
    }

    fn insert(&mut self, first: i64, ids: &[String]) -> rusqlite::Result<()> {
        let tx = self.connection.transaction()?;
        {
            let mut body =
                tx.prepare_cached("INSERT INTO body (seq, topic, id, payload) VALUES (?1, ?2, ?3, ?4)")?;
            let mut ready =
                tx.prepare_cached("INSERT INTO ready (topic, priority, seq) VALUES (?1, ?2, ?3)")?;
            for (id, seq) in ids.iter().zip(first..) {
                body.execute((seq, 1, id, &PAYLOAD[..]))?;
                ready.execute((1, 0, seq))?;
            }
        }
        tx.commit()
    }

    fn delete(&mut self) -> rusqlite::Result<Vec<(i64, String, Vec<u8>)>> {
        let tx = self.connection.transaction()?;
        let items = {
            let mut select = tx.prepare_cached(
                "SELECT r.seq, b.id, b.payload FROM ready AS r JOIN body AS b ON b.seq = r.seq
                    WHERE r.topic = ?1 ORDER BY r.priority, r.seq LIMIT ?2",
            )?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            let items: Vec<(i64, String, Vec<u8>)> =
                select.query_map((1, BATCH as i64), read)?.collect::<rusqlite::Result<_>>()?;
            let mut ready =
                tx.prepare_cached("DELETE FROM ready WHERE topic = ?1 AND priority = ?2 AND seq = ?3")?;
            let mut body = tx.prepare_cached("DELETE FROM body WHERE seq = ?1")?;
            for (seq, ..) in &items {
                ready.execute((1, 0, seq))?;
                body.execute((seq,))?;
            }
            items
        };
        tx.commit()?;
        Ok(items)
    }
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind, it harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
