//! `SqliteQueue` against apalis over SQLite: publish one by one, publish in batches, consume.
//!
//! `scripts/bench --only rivals/queue [-- DIRECTORY]`
//!
//! Both link the same SQLite. Items are 100 bytes, for apalis without an idempotency key. The
//! worker does nothing with an item but settle it, 16 at once, until a backlog is gone. Each turn
//! has new files, and each round another contender begins.

mod apalis_queue;
mod ours;

use std::{error::Error, sync::Arc, time::Duration};

use entourage_rivals::{Asked, Contender, Figure, Stopwatch, print};

use crate::apalis_queue::Set;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const TASKS: usize = 16;
const BATCH: usize = 100;
const BACKLOG: usize = 4_000;
const ROUNDS: usize = 5;

/// How long is published, and how much lies in the queue when consuming begins.
#[derive(Clone, Copy)]
struct Load {
    turn: Duration,
    backlog: usize,
}

/// Whoever publishes, one call after the other.
trait Publisher: Send + 'static {
    /// Returns when `items` more are accepted.
    fn publish(&mut self, items: usize) -> impl Future<Output = Outcome> + Send;
}

/// How fast items are accepted, when each publisher calls for a whole turn with `items` a call.
async fn publish(publishers: Vec<impl Publisher>, items: usize, turn: Duration) -> Outcome<Figure> {
    let watch = Arc::new(Stopwatch::start());
    let run = |mut publisher: _, watch: Arc<Stopwatch>| async move {
        let mut done = 0;
        while watch.within(turn) {
            Publisher::publish(&mut publisher, items).await?;
            done += items;
        }
        Outcome::Ok(done)
    };
    let running: Vec<_> =
        publishers.into_iter().map(|publisher| tokio::spawn(run(publisher, Arc::clone(&watch)))).collect();
    let mut done = 0;
    for task in running {
        done += task.await??;
    }
    Ok(watch.figure(done))
}

fn payload() -> String {
    "x".repeat(100)
}

fn main() -> Outcome {
    let asked = Asked::new();
    let scratch = asked.scratch("queue")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut contenders =
        ["SqliteQueue", "apalis 1.0, as documented", "apalis 1.0, WAL + FULL"].map(Contender::new);
    let load = Load { turn: asked.turn, backlog: if asked.is_taste { 2 * BATCH } else { BACKLOG } };
    // The first round is not counted: the code has not run yet, nor caches filled.
    for round in 0..=ROUNDS {
        for nth in 0..contenders.len() {
            let which = (round + nth) % contenders.len();
            let [one, other] =
                ["one", "other"].map(|name| scratch.path().join(format!("{round}-{which}-{name}.db")));
            scratch.settle()?;
            let figures = runtime.block_on(async {
                match which {
                    0 => ours::round(&one, &other, load).await,
                    1 => apalis_queue::round(&one, &other, load, Set::AsDocumented).await,
                    _ => apalis_queue::round(&one, &other, load, Set::Durable).await,
                }
            })?;
            if round > 0 {
                contenders[which].push(figures);
            }
        }
    }
    println!("items of 100 bytes: a second, processor microseconds of one, and how many times theirs");
    println!("ours is; medians of {ROUNDS} alternating rounds. apalis has no fence, no order per key, no");
    println!("step that settles and publishes at once and, as documented, no durability: it sets up its");
    println!("first connection with synchronous OFF.");
    print(
        &["in batches of 100", "one by one, 16 tasks", "consume, 16 at once"],
        &contenders[0],
        &contenders[1..],
    );
    Ok(())
}
