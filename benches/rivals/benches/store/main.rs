//! `SqliteStore` against embedded key-value stores: one small durable write after the other.
//!
//! `scripts/bench --only rivals/store [-- DIRECTORY]`
//!
//! Each write is a transaction of its own, on the disk before the next one of its task begins.
//! Ours shares a commit among the tasks that wait, and runs on two threads; a rival blocks, so
//! each of its tasks is a thread. All are open throughout, and idle while another has its turn.

mod fjall_store;
mod ours;
mod redb_store;

use std::{error::Error, time::Duration};

use entourage_rivals::{Asked, Contender, Figure, Stopwatch, print};
use redb::ConcurrencyMode;

use crate::{fjall_store::Fjall, ours::Ours, redb_store::Redb};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const VALUE: [u8; 64] = [7; 64];
const ROUNDS: usize = 5;

/// How many write at once, and how long.
#[derive(Clone, Copy)]
struct Load {
    tasks: usize,
    turn: Duration,
}

impl Load {
    /// What it takes, when every task is a thread of its own that calls `write` with its keys.
    fn threads(self, write: impl Fn(&str) -> Outcome + Sync) -> Outcome<Figure> {
        let watch = Stopwatch::start();
        let writer = |task| {
            let mut done = 0;
            while watch.within(self.turn) {
                write(&key(task, done))?;
                done += 1;
            }
            Outcome::Ok(done)
        };
        let done = std::thread::scope(|scope| {
            let writer = &writer;
            let running: Vec<_> = (0..self.tasks).map(|task| scope.spawn(move || writer(task))).collect();
            running.into_iter().map(|task| task.join().expect("a writer does not panic")).sum::<Outcome<_>>()
        })?;
        Ok(watch.figure(done))
    }
}

fn key(task: usize, n: usize) -> String {
    format!("key/{task}/{}", n % 1000)
}

/// An open store.
trait Stored {
    /// What it takes to write durably under this load.
    fn figure(&self, load: Load) -> Outcome<Figure>;
}

fn main() -> Outcome {
    let asked = Asked::new();
    let scratch = asked.scratch("store")?;
    let path = |name: &str| scratch.path().join(name);
    let redb = |file: &str, mode| Redb::open(&path(file), mode);
    let stores: [(&'static str, Box<dyn Stored>); 4] = [
        ("SqliteStore", Box::new(Ours::open(&path("ours.db"))?)),
        ("redb 4.5", Box::new(redb("one.redb", ConcurrencyMode::ExclusiveWriter)?)),
        ("redb 4.5, MultiWriter", Box::new(redb("several.redb", ConcurrencyMode::MultiWriter)?)),
        ("fjall 3.1", Box::new(Fjall::open(&path("fjall"))?)),
    ];
    let mut contenders: Vec<Contender> = stores.iter().map(|(name, _)| Contender::new(name)).collect();
    // The first round is not counted: files have not grown yet, nor caches filled.
    for round in 0..=ROUNDS {
        let load = |tasks| Load { tasks, turn: asked.turn };
        for (contender, (_, store)) in contenders.iter_mut().zip(&stores) {
            let figures = [store.figure(load(16))?, store.figure(load(1))?];
            if round > 0 {
                contender.push(figures);
            }
        }
    }
    println!(
        "durable writes of 64 bytes, a transaction each, medians of {ROUNDS} alternating rounds; x is ours /"
    );
    println!(
        "theirs. Theirs have no sessions, fences or watch; only redb with MultiWriter lets several processes"
    );
    println!("write, as ours does.");
    print(&["16 tasks", "1 task"], &contenders[0], &contenders[1..]);
    Ok(())
}
