//! What the manager of a work queue adds to the queue beneath it, and how fast it looks through a listing.
//!
//! `cargo bench --features full --bench workqueue [-- --items 100000] [--at-once 16]`
//!
//! * Overhead: a source in memory lists items, and on a `MemoryQueue` a manager publishes them with
//!   their records, fetches each, has a closure do it that does nothing, in a task of its own, and
//!   settles it with its record. Beside it, items of the same names go through such a queue by
//!   hand: published in batches of 500 as the manager's, then received and accepted, as many at a
//!   time as the manager works on. Both run on one runtime, and alternate. The difference is the
//!   manager's, the source's and the task's; it is judged in processor time, which tells the same
//!   on a busy machine, and of two threads tells more.
//! * Listing: the names are known and their items done. From the beginning of one listing to that
//!   of the next, which is due at once; and the same for a manager that has just begun, and reads
//!   all records first.

use std::{
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use entourage::{
    core::{Clock, Moment, Shutdown, SystemClock},
    queue::{
        Ask, Group, Item, MemoryOptions, MemoryQueue, Publication, Queue, SettlerExt, SubscribeOptions,
        Topic, TopicOptions,
    },
    workqueue::{Filter, FromNames, ItemData, Outcome, WorkQueue, WorkQueueOptions, worker_fn},
};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 5;
/// Names in one step of the manager's.
const BATCH: usize = 500;
/// Microseconds that the manager adds to an item.
const OVERHEAD: f64 = 3.0;
/// Names that are looked through in a second.
const LISTED: f64 = 100_000.0;
/// Listings after the first that are measured.
const LISTINGS: usize = 9;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    // `cargo test` builds benches too and runs them with `--test`: then a taste is enough.
    let is_bench = arguments.iter().any(|a| a == "--bench");
    let named = |name: &str| {
        arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)?.parse::<usize>().ok())
    };
    let items = named("--items").unwrap_or(if is_bench { 100_000 } else { 1_000 });
    let one = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let two = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
    println!(
        "{items} items, microseconds of one: of processors, and on the clock; medians of {ROUNDS} alternating rounds"
    );
    let [hand, manager] = ["by hand", "manager"];
    println!("{:24}{hand:>10}{manager:>10}{:>10}{hand:>12}{manager:>10}", "", "overhead");
    for at_once in named("--at-once").map_or_else(|| vec![1, 16, 100], |at_once| vec![at_once]) {
        for (runtime, threads) in [(&one, "one thread"), (&two, "two threads")] {
            overhead(runtime, items, at_once, &format!("{at_once} at once, {threads}"));
        }
    }
    listing(&one, items);
}

fn overhead(runtime: &Runtime, items: usize, at_once: usize, what: &str) {
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let mut spent = [Spent::default(); 2];
        for nth in 0..2 {
            let which = (round + nth) % 2;
            spent[which] = runtime.block_on(async {
                let task = if which == 0 {
                    tokio::spawn(by_hand(items, at_once))
                } else {
                    tokio::spawn(managed(items, at_once))
                };
                task.await.expect("neither panics")
            });
        }
        // The first is not counted: memory has not been asked for yet.
        if round > 0 {
            rounds.push(spent);
        }
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / items as f64;
    let of = |value: &dyn Fn(&[Spent; 2]) -> f64| median(rounds.iter().map(value));
    let cpu = |which: usize| of(&|spent| micros(spent[which].cpu));
    let wall = |which: usize| of(&|spent| micros(spent[which].wall));
    let added = of(&|[hand, manager]| micros(manager.cpu) - micros(hand.cpu));
    let verdict = if added < OVERHEAD { "" } else { "   MISSED" };
    println!(
        "{what:24}{:10.2}{:10.2}{added:10.2}{:12.2}{:10.2}   < {OVERHEAD}{verdict}",
        cpu(0),
        cpu(1),
        wall(0),
        wall(1)
    );
}

/// What it took.
#[derive(Clone, Copy, Default)]
struct Spent {
    wall: Duration,
    /// Of the processors, by all threads of this process.
    cpu: Duration,
}

struct Watch {
    clock: Arc<SystemClock>,
    began: Moment,
    cpu: Duration,
}

impl Watch {
    fn start(clock: Arc<SystemClock>) -> Self {
        Self { began: clock.now(), clock, cpu: cpu() }
    }

    fn spent(&self) -> Spent {
        Spent { wall: self.clock.now().since(self.began), cpu: cpu() - self.cpu }
    }
}

fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(spent).expect("a process has not spent less than nothing")
}

fn name(number: usize) -> String {
    format!("item-{number:07}")
}

fn names(items: usize) -> FromNames {
    let names = FromNames::from_iter((0..items).map(name));
    names.with_data(|_| ItemData::new("{}").ok())
}

/// As a manager keeps its topic: its records remember what was published.
fn queue() -> (Arc<SystemClock>, MemoryQueue) {
    let clock = Arc::new(SystemClock::new());
    let topics = TopicOptions::new().with_dedupe(Duration::ZERO, 1);
    let queue = MemoryQueue::with_options(clock.clone(), MemoryOptions::new().with_topics(topics));
    (clock, queue)
}

/// From the first item's publication to the last one's settlement.
async fn by_hand(items: usize, at_once: usize) -> Spent {
    let (clock, queue) = queue();
    let (topics, group) = ([Topic::from("work")], Group::from("work"));
    let (mut receiver, settler) =
        queue.subscribe(&topics, &group, SubscribeOptions::new()).await.expect("a group is joined");
    let watch = Watch::start(clock);
    for first in (0..items).step_by(BATCH) {
        let numbers = first..items.min(first + BATCH);
        let batch = numbers.map(|number| Publication::new(topics[0].clone(), Item::new(name(number), "")));
        queue.publish(batch.collect()).await.expect("there is room");
    }
    let mut done = 0;
    while done < items {
        let deliveries = receiver.receive(Ask::up_to(at_once)).await.expect("items are there");
        done += deliveries.len();
        settler.accept(deliveries).await.expect("the leases stand");
    }
    watch.spent()
}

/// From the start of a manager until it has worked off all and ended.
async fn managed(items: usize, at_once: usize) -> Spent {
    let (clock, queue) = queue();
    let (source, options) = (names(items), WorkQueueOptions::new().with_parallelism(at_once));
    let shutdown = Shutdown::new();
    let (done, all_done) = (Arc::new(AtomicUsize::new(0)), shutdown.clone());
    let worker = worker_fn("nothing", move |_, _| {
        if done.fetch_add(1, Ordering::Relaxed) + 1 == items {
            all_done.drain();
        }
        async { Outcome::Done }
    });
    let manager = WorkQueue::new("work", source, queue.clone(), worker).with_options(options);
    let watch = Watch::start(clock);
    manager.run(&shutdown).await.expect("the options are sound");
    let spent = watch.spent();
    let unsettled = queue.stats(&"work".into(), &"work".into()).await.expect("it answers").unsettled();
    assert_eq!(unsettled, 0, "all that was listed is done");
    spent
}

/// A manager works all off and lists again and again; then another begins.
fn listing(runtime: &Runtime, items: usize) {
    let (clock, queue) = queue();
    let options = WorkQueueOptions::new().with_parallelism(100).with_interval(Duration::from_micros(1));
    let done = Arc::new(AtomicUsize::new(0));
    let mut judged = Vec::new();
    for (what, listings) in [("each listing", LISTINGS), ("the first of a manager", 1)] {
        let shutdown = Shutdown::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let source = names(items);
        let first = name(0);
        let source = Filter::new(source, {
            let (seen, clock, done, shutdown) =
                (Arc::clone(&seen), Arc::clone(&clock), Arc::clone(&done), shutdown.clone());
            move |name| {
                // Who looks at the first name begins a listing, once no item is fetched any more.
                if name.as_str() == first && done.load(Ordering::Relaxed) == items {
                    let mut seen = seen.lock().expect("nobody panics");
                    seen.push(clock.now());
                    if seen.len() > listings {
                        shutdown.drain();
                    }
                }
                true
            }
        });
        let counted = Arc::clone(&done);
        let worker = worker_fn("nothing", move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Outcome::Done }
        });
        let manager = WorkQueue::new("work", source, queue.clone(), worker).with_options(options);
        let began = clock.now();
        runtime.block_on(manager.run(&shutdown)).expect("the options are sound");
        assert_eq!(done.load(Ordering::Relaxed), items, "each item is done once");
        let mut seen = seen.lock().expect("nobody panics").clone();
        if listings == 1 {
            // It reads the records before it lists.
            seen[0] = began;
        }
        let took = median(seen.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64()));
        judged.push((what, took));
    }
    println!("\n{items} names that are known and done, listed and looked through");
    for (what, seconds) in judged {
        let rate = items as f64 / seconds;
        let verdict = if rate >= LISTED { "" } else { "   MISSED" };
        println!("{what:24}{:9.1} ms{rate:14.0} a second   >= {LISTED}{verdict}", seconds * 1e3);
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
