//! `SqliteQueue` against apalis over SQLite: publish one by one, publish in batches, consume.
//!
//! `scripts/bench --only rivals/queue [-- DIRECTORY]`
//!
//! Both link the same SQLite. Items are 100 bytes, for apalis without an idempotency key; the
//! worker does nothing and settles each item by itself, 16 at a time. Each round has new files.

mod apalis_queue;
mod ours;

use std::{error::Error, sync::Arc, time::Duration};

use entourage_rivals::{Asked, Contender, Figure, Stopwatch, print};

use crate::apalis_queue::Set;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const TASKS: usize = 16;
const BATCH: usize = 100;
const ROUNDS: usize = 5;

/// Whoever publishes, one call after the other.
trait Publisher: Send + 'static {
    /// Returns when `items` more are accepted.
    fn publish(&mut self, items: usize) -> impl Future<Output = Outcome> + Send;
}

/// Items a second, when each of the publishers calls for a turn, with so many items a call.
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
    for round in 0..ROUNDS {
        let path = |name: &str| scratch.path().join(format!("{round}-{name}.db"));
        runtime.block_on(async {
            contenders[0].push(ours::round(&path("a"), &path("b"), asked.turn).await?);
            let [a, b] = [path("c"), path("d")];
            contenders[1].push(apalis_queue::round(&a, &b, asked.turn, Set::AsDocumented).await?);
            let [a, b] = [path("e"), path("f")];
            contenders[2].push(apalis_queue::round(&a, &b, asked.turn, Set::Durable).await?);
            Outcome::Ok(())
        })?;
    }
    println!(
        "items of 100 bytes, medians of {ROUNDS} alternating rounds; x is ours / theirs. apalis has no fence, no"
    );
    println!(
        "order per key, no step that settles and publishes at once and, as documented, no durability: the"
    );
    println!("connection that it sets up has synchronous OFF.");
    print(
        &["in batches of 100", "one by one, 16 tasks", "consume, 16 at once"],
        &contenders[0],
        &contenders[1..],
    );
    Ok(())
}
