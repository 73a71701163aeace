//! `SqliteStore` against embedded key-value stores: one small durable write after the other.
//!
//! `scripts/bench --only rivals/store [-- DIRECTORY]`
//!
//! Each write is a transaction of its own, on the disk before the next one of its task begins.
//! Ours runs on two threads; a rival blocks, so each of its tasks is a thread. All are open
//! throughout, and idle while another has its turn; each round another one begins.

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
    /// How fast it goes when every task is a thread that calls `write` with one key after the other.
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

/// A task's `n`th key, of a thousand that it writes in turn.
fn key(task: usize, n: usize) -> String {
    format!("key/{task}/{}", n % 1000)
}

/// An open store.
trait Stored {
    /// How fast it writes durably under this load.
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
        for nth in 0..stores.len() {
            let turn = (round + nth) % stores.len();
            scratch.settle()?;
            let figures = [stores[turn].1.figure(load(16))?, stores[turn].1.figure(load(1))?];
            if round > 0 {
                contenders[turn].push(figures);
            }
        }
    }
    println!("durable writes of 64 bytes, a transaction each: a second, processor microseconds of one,");
    println!("and how many times theirs ours is; medians of {ROUNDS} alternating rounds. Theirs have no");
    println!("sessions, fences or watch; of them only redb with MultiWriter lets several processes write.");
    print(&["16 tasks", "1 task"], &contenders[0], &contenders[1..]);
    Ok(())
}
