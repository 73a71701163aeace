//! `RedisQueue` beside raw Streams on the same server, in the same run.
//!
//! `cargo bench -p entourage-queue --features redis --bench redis -- [WAITING]`
//!
//! Batches of a hundred items of 100 bytes are published, received and accepted, on one
//! connection, with `WAITING` items before them that nobody takes meanwhile (none by default);
//! then the same with 1,000 keys, and then one item at a time, of which each is settled while the
//! next is asked for. Beside them, alternating round by round, a plain blocking connection sends
//! the same items by `XADD`, a hundred in a pipeline, reads a hundred by `XREADGROUP`, and ends
//! them by `XACK` and `XDEL` in one more: no ids that are remembered, leases by time, counts, order
//! of keys, capacity or steps. The server keeps nothing on the disk, for both. Medians.

mod raw;

use std::{error::Error, sync::Arc};

use entourage_core::{Clock, SystemClock};
use entourage_queue::{
    Ask, Item, Publication, Queue, Receiver, RedisOptions, RedisQueue, RedisQueueOptions, Settler, Step,
    SubscribeOptions, TopicOptions,
};
use entourage_testkit::Redis;

use self::raw::Raw;

/// What one row measures.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    keys: usize,
    batch: usize,
    batches: usize,
}

const LOADS: [Load; 3] = [
    Load { name: "batches", keys: 0, batch: 100, batches: 300 },
    Load { name: "batches, 1,000 keys", keys: 1000, batch: 100, batches: 300 },
    Load { name: "one at a time", keys: 0, batch: 1, batches: 3000 },
];
const ROUNDS: usize = 7;
const PAYLOAD: [u8; 100] = [b'x'; 100];

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    if let Err(absent) = Redis::available() {
        println!("ignored: {absent}");
        return Ok(());
    }
    let waiting = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(0);
    let server = Redis::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!(
        "items a second, batches of 100 or one at a time, medians of {ROUNDS} rounds, {waiting} waiting"
    );
    for load in LOADS {
        runtime.block_on(compare(&server, load, waiting))?;
    }
    Ok(())
}

async fn compare(server: &Redis, load: Load, waiting: usize) -> Outcome {
    let mut raw = Raw::open(&server.endpoint(), load, waiting)?;
    let mut ours = Ours::open(&server.endpoint(), load, waiting).await?;
    let (mut fast, mut plain) = (Vec::new(), Vec::new());
    // The server's CPU, which tells more than the time where others are busy: ours, then raw's.
    let mut used = [[0.0; 2]; 2];
    for _ in 0..ROUNDS {
        let at = cpu(server);
        let published = ours.publish_all().await?;
        let (at, spent) = (cpu(server), cpu(server) - at);
        used[0][0] += spent;
        fast.push([published, ours.receive_all().await?]);
        let (at, spent) = (cpu(server), cpu(server) - at);
        used[0][1] += spent;
        let published = raw.publish_all()?;
        let (at, spent) = (cpu(server), cpu(server) - at);
        used[1][0] += spent;
        plain.push([published, raw.receive_all()?]);
        used[1][1] += cpu(server) - at;
    }
    let median_of = |rounds: &[[f64; 2]], phase: usize| median(rounds.iter().map(|round| round[phase]));
    let items = load.batch * load.batches;
    let an_item = |seconds: f64| seconds * 1e6 / (ROUNDS * items) as f64;
    for (phase, name) in ["publish", "receive and accept"].into_iter().enumerate() {
        let (ours, raws) = (an_item(used[0][phase]), an_item(used[1][phase]));
        let (fast, plain) = (median_of(&fast, phase), median_of(&plain, phase));
        let (what, rate) = (load.name, |seconds: f64| items as f64 / seconds);
        println!(
            "{what:<20} {name:<18} queue {:>8.0}   raw {:>8.0}   queue / raw = {:.2}   server's CPU an item {ours:.2} and {raws:.2} us",
            rate(fast),
            rate(plain),
            plain / fast
        );
    }
    Ok(())
}

/// Seconds of CPU that the server has used.
fn cpu(server: &Redis) -> f64 {
    let said = server.cli(["INFO", "cpu"]).stdout;
    let of =
        |name: &str| said.lines().find_map(|line| line.trim_end().strip_prefix(name)?.parse::<f64>().ok());
    of("used_cpu_user:").unwrap_or(0.0) + of("used_cpu_sys:").unwrap_or(0.0)
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn seconds(clock: &SystemClock, begun: entourage_core::Moment) -> f64 {
    clock.now().since(begun).as_secs_f64()
}

struct Ours {
    queue: RedisQueue,
    receiver: Box<dyn Receiver>,
    settler: Arc<dyn Settler>,
    load: Load,
    published: usize,
    clock: SystemClock,
}

impl Ours {
    async fn open(endpoint: &str, load: Load, waiting: usize) -> Outcome<Self> {
        let redis = RedisOptions::from_url(&format!("redis://{endpoint}"))?;
        let redis = redis.with_prefix(format!("ours-{}-{}", load.keys, load.batch));
        let topics = TopicOptions::new().with_capacity(10_000_000);
        let queue = RedisQueue::open_with(RedisQueueOptions::new(redis).with_topics(topics)).await?;
        let (topics, group) = (["t".into()], "g".into());
        let (receiver, settler) = queue.subscribe(&topics, &group, SubscribeOptions::new()).await?;
        let clock = SystemClock::new();
        let mut ours = Self { queue, receiver, settler, load, published: 0, clock };
        for _ in 0..waiting / 100 {
            ours.publish(100).await?;
        }
        Ok(ours)
    }

    async fn publish(&mut self, items: usize) -> Outcome {
        let batch = (0..items).map(|_| {
            self.published += 1;
            let item = Item::new(format!("item-{:08}", self.published), PAYLOAD.to_vec());
            Publication::new(
                "t",
                match self.load.keys {
                    0 => item,
                    keys => item.with_key(format!("key-{}", self.published % keys)),
                },
            )
        });
        let batch = batch.collect();
        self.queue.publish(batch).await?;
        Ok(())
    }

    async fn publish_all(&mut self) -> Outcome<f64> {
        let begun = self.clock.now();
        for _ in 0..self.load.batches {
            self.publish(self.load.batch).await?;
        }
        Ok(seconds(&self.clock, begun))
    }

    async fn receive_all(&mut self) -> Outcome<f64> {
        let begun = self.clock.now();
        let mut left = self.load.batches * self.load.batch;
        let ask = Ask::up_to(self.load.batch);
        let mut received = Vec::new();
        while left > 0 {
            if received.is_empty() {
                received = self.receiver.receive(ask).await?;
            }
            left = left.saturating_sub(received.len());
            let step = self.settler.step(Step { accept: std::mem::take(&mut received), ..Step::new() });
            let settled = if self.load.batch == 1 && left > 0 {
                // One round trip for both: what is done is settled while the next is asked for.
                let (settled, next) = tokio::join!(step, self.receiver.receive(ask));
                received = next?;
                settled
            } else {
                step.await
            };
            settled.map_err(|unapplied| unapplied.error)?;
        }
        Ok(seconds(&self.clock, begun))
    }
}
