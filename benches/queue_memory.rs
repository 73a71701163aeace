//! Items a second through `MemoryQueue`: publish, receive, accept.
//!
//! `cargo bench --features full --bench queue_memory`

use std::{sync::Arc, time::Duration};

use entourage::{
    core::{Clock, SystemClock},
    queue::{
        Ask, Item, MemoryOptions, MemoryQueue, Publication, Queue, SettlerExt, SubscribeOptions, Topic,
        TopicOptions,
    },
};

const ROUNDS: usize = 5;

#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    items: usize,
    batch: usize,
    keys: Option<usize>,
    two_tasks: bool,
}

fn main() {
    let loads = [
        Load { name: "two tasks, batches of 100", items: 2_000_000, batch: 100, keys: None, two_tasks: true },
        Load {
            name: "two tasks, 1000 keys, batches of 100",
            items: 1_000_000,
            batch: 100,
            keys: Some(1000),
            two_tasks: true,
        },
        Load { name: "one task, batches of 100", items: 1_000_000, batch: 100, keys: None, two_tasks: false },
        Load { name: "one task, one at a time", items: 300_000, batch: 1, keys: None, two_tasks: false },
        Load { name: "two tasks, one at a time", items: 300_000, batch: 1, keys: None, two_tasks: true },
    ];
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    for load in loads {
        if only.as_ref().is_some_and(|only| !load.name.contains(only.as_str())) {
            continue;
        }
        let mut rounds: Vec<Round> = (0..ROUNDS).map(|_| round(load)).collect();
        rounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        let (worst, median) = (rounds[0].rate, rounds[ROUNDS / 2].rate);
        rounds.sort_by(|one, other| one.cpu.total_cmp(&other.cpu));
        let (name, cpu) = (load.name, rounds[ROUNDS / 2].cpu);
        println!("{name:<38} {median:>10.0} items/s (worst {worst:.0}), {cpu:.2} CPU s a million");
    }
}

/// Items a second, and CPU seconds a million items: the fairer figure on a busy machine.
struct Round {
    rate: f64,
    cpu: f64,
}

/// CPU seconds of this process, in the hundredths that Linux counts for its users.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let times = after_name.split_whitespace().skip(11).take(2);
    times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn round(load: Load) -> Round {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async move {
        let clock = Arc::new(SystemClock::new());
        // A bounded topic, so that the publisher cannot run away from the consumer.
        let topics = TopicOptions::new().with_capacity(10_000);
        let queue = MemoryQueue::with_options(clock.clone(), MemoryOptions::new().with_topics(topics));
        let (mut receiver, settler) = queue
            .subscribe(&["work".into()], &"workers".into(), SubscribeOptions::new())
            .await
            .expect("a group is joined");
        let (start, cpu) = (clock.now(), cpu_seconds());
        if load.two_tasks {
            let publisher = tokio::spawn(publish(queue.clone(), load));
            let consumer = tokio::spawn(async move {
                let mut done = 0;
                while done < load.items {
                    let deliveries = receiver.receive(Ask::up_to(load.batch)).await.expect("items come");
                    done += deliveries.len();
                    settler.accept(deliveries).await.expect("the leases stand");
                }
            });
            publisher.await.expect("the publisher ends");
            consumer.await.expect("the consumer ends");
        } else {
            for first in (0..load.items).step_by(load.batch) {
                queue.publish(batch(load, first)).await.expect("there is room");
                let ask = Ask::up_to(load.batch).wait(Duration::ZERO);
                let deliveries = receiver.receive(ask).await.expect("items come");
                assert!(!deliveries.is_empty(), "what was published is ready");
                settler.accept(deliveries).await.expect("the leases stand");
            }
        }
        Round {
            rate: load.items as f64 / clock.now().since(start).as_secs_f64(),
            cpu: (cpu_seconds() - cpu) * 1e6 / load.items as f64,
        }
    })
}

async fn publish(queue: MemoryQueue, load: Load) {
    for first in (0..load.items).step_by(load.batch) {
        queue.room(&"work".into(), load.batch as u64).await.expect("there is room in the end");
        queue.publish(batch(load, first)).await.expect("nobody else takes the room");
    }
}

fn batch(load: Load, first: usize) -> Vec<Publication> {
    let topic = Topic::new("work");
    let publication = |n: usize| {
        let mut item = Item::new(format!("item-{n}"), &b"a payload of thirty-two bytes..."[..]);
        if let Some(keys) = load.keys {
            item = item.with_key(format!("key-{}", n % keys));
        }
        Publication::new(topic.clone(), item)
    };
    (first..first + load.batch).map(publication).collect()
}
