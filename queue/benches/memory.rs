//! Items a second through `MemoryQueue`: publish, receive, accept.
//!
//! `cargo bench -p entourage-queue --bench memory`

use std::{sync::Arc, time::Duration};

use entourage_core::{Clock, SystemClock};
use entourage_queue::{
    Ask, Item, MemoryOptions, MemoryQueue, Publication, Queue, SettlerExt, SubscribeOptions, TopicOptions,
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
            name: "two tasks, batches of 100, 1000 keys",
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
        let mut rates: Vec<f64> = (0..ROUNDS).map(|_| round(load)).collect();
        rates.sort_by(f64::total_cmp);
        println!(
            "{:<40} {:>12.0} items/s (median of {ROUNDS}, worst {:.0})",
            load.name,
            rates[ROUNDS / 2],
            rates[0]
        );
    }
}

fn round(load: Load) -> f64 {
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
        let start = clock.now();
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
        load.items as f64 / clock.now().since(start).as_secs_f64()
    })
}

async fn publish(queue: MemoryQueue, load: Load) {
    for first in (0..load.items).step_by(load.batch) {
        queue.room(&"work".into(), load.batch as u64).await.expect("there is room in the end");
        queue.publish(batch(load, first)).await.expect("nobody else takes the room");
    }
}

fn batch(load: Load, first: usize) -> Vec<Publication> {
    let publication = |n: usize| {
        let mut item = Item::new(format!("item-{n}"), &b"a payload of thirty-two bytes..."[..]);
        if let Some(keys) = load.keys {
            item = item.with_key(format!("key-{}", n % keys));
        }
        Publication::new("work", item)
    };
    (first..first + load.batch).map(publication).collect()
}
