//! The same calls on a file and in memory have the same answers.

mod dice;
mod lease;
mod step;

use std::{fmt::Debug, sync::Arc, time::Duration};

use entourage_testkit::Rng;

use super::{Scratch, audit::audit, clock::TestClock};
use crate::{
    Error, Group, Item, ItemId, MemoryQueue, Publication, Queue, Redrive, SqliteQueue, Topic, TopicOptions,
    broker::{Broker, ConsumerId},
};

use self::dice::Dice;

const TOPICS: [&str; 2] = ["in", "out"];
const GROUPS: [&str; 2] = ["left", "right"];

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// One attempt, as both queues name it.
#[derive(Clone, Debug)]
struct Held {
    topic: Topic,
    item: Item,
    counts: (u32, u32),
    sequence: u64,
    epochs: [u64; 2],
}

/// One consumer, as both queues name it, with what it was given.
struct Consumer {
    ids: [ConsumerId; 2],
    held: Vec<Held>,
}

struct Pair {
    memory: MemoryQueue,
    sqlite: SqliteQueue,
    clock: Arc<TestClock>,
    consumers: Vec<Consumer>,
    dice: Dice,
    ids: u64,
    /// How many steps were stale and conflicted too.
    doubly_refused: u32,
}

fn same<T: Debug>(what: &str, memory: Result<T, Error>, sqlite: Result<T, Error>) -> Result<T, Error> {
    let both_are_full = matches!((&memory, &sqlite), (Err(Error::Full { .. }), Err(Error::Full { .. })));
    println!("{what}: {sqlite:?}");
    // Of several full topics either may be named.
    if !both_are_full {
        assert_eq!(format!("{memory:?}"), format!("{sqlite:?}"), "{what}");
    }
    sqlite
}

impl Pair {
    fn brokers(&self) -> [&dyn Broker; 2] {
        [&self.memory, &*self.sqlite.inner]
    }

    fn publications(&mut self) -> Vec<Publication> {
        let is_plain = self.dice.one_in(4);
        let topic = *self.dice.of(&TOPICS);
        (0..self.dice.below(if is_plain { 10 } else { 5 }))
            .map(|_| {
                let old = self.dice.one_in(6);
                if !old {
                    self.ids += 1;
                }
                let id = if old { 1 + self.dice.below(self.ids.max(1)) } else { self.ids };
                let size = usize::try_from(self.dice.below(4)).unwrap();
                let mut item = Item::new(format!("item-{id}"), vec![b'x'; size]);
                if is_plain {
                    return Publication::new(topic, item);
                }
                if self.dice.one_in(2) {
                    item = item.with_key(*self.dice.of(&["a", "b"]));
                }
                if self.dice.one_in(2) {
                    item = item.with_bundle(*self.dice.of(&["p", "q", "r"]));
                }
                if self.dice.one_in(4) {
                    item = item.with_headers([("h".to_owned(), id.to_string())]);
                }
                let delay = seconds(if self.dice.one_in(4) { 1 + self.dice.below(8) } else { 0 });
                let priority = if self.dice.one_in(3) { 3 } else { 0 };
                Publication::new(*self.dice.of(&TOPICS), item).delayed(delay).priority(priority)
            })
            .collect()
    }

    async fn publish(&mut self) {
        let batch = self.publications();
        println!("publish {batch:?}");
        let memory = self.memory.publish(batch.clone()).await;
        same("publish", memory, self.sqlite.publish(batch).await).ok();
    }

    async fn act(&mut self) {
        if self.consumers.is_empty() || self.dice.one_in(25) {
            return self.join().await;
        }
        let at = usize::try_from(self.dice.below(self.consumers.len() as u64)).unwrap();
        match self.dice.below(20) {
            0..=4 => self.publish().await,
            5..=8 => self.lease(at).await,
            9..=12 => self.step(at).await,
            13 => self.renew_or_return(at).await,
            14 => {
                let ids = self.consumers[at].ids;
                let [memory, sqlite] = self.brokers();
                same("beat", memory.beat(ids[0]).await, sqlite.beat(ids[1]).await).ok();
            }
            15 if self.dice.one_in(4) => {
                let ids = self.consumers[at].ids;
                let [memory, sqlite] = self.brokers();
                same("leave", memory.leave(ids[0]).await, sqlite.leave(ids[1]).await).unwrap();
            }
            16 => {
                let (topic, group) =
                    (Topic::from(*self.dice.of(&TOPICS)), Group::from(*self.dice.of(&GROUPS)));
                let which = if self.dice.one_in(2) {
                    Redrive::All
                } else {
                    let id = ItemId::from(format!("item-{}", 1 + self.dice.below(self.ids.max(1))));
                    Redrive::Only(vec![id.clone(), id])
                };
                let memory = self.memory.redrive(&topic, &group, which.clone()).await;
                same("redrive", memory, self.sqlite.redrive(&topic, &group, which).await).ok();
            }
            17 if self.dice.one_in(3) => {
                let topic = Topic::from(*self.dice.of(&TOPICS));
                let options = TopicOptions::new()
                    .with_capacity(3 + self.dice.below(20))
                    .with_dedupe(seconds(40), 1 + self.dice.below(30));
                println!("configure {topic} {options:?}");
                self.memory.configure(&topic, options).await.unwrap();
                self.sqlite.configure(&topic, options).await.unwrap();
            }
            _ => {
                let by = if self.dice.one_in(4) { self.dice.below(12) } else { self.dice.below(3) };
                println!("advance {by}");
                self.clock.advance(seconds(by));
            }
        }
    }

    async fn compare(&self) {
        for (topic, group) in TOPICS.into_iter().flat_map(|topic| GROUPS.map(|group| (topic, group))) {
            let (topic, group) = (Topic::from(topic), Group::from(group));
            let memory = self.memory.stats(&topic, &group).await;
            same(&format!("stats {topic} {group}"), memory, self.sqlite.stats(&topic, &group).await).unwrap();
            let memory = self.memory.dead(&topic, &group, 5).await;
            same(&format!("dead {topic} {group}"), memory, self.sqlite.dead(&topic, &group, 5).await)
                .unwrap();
            let memory = self.memory.records(&group, "k").await;
            same("records", memory, self.sqlite.records(&group, "k").await).unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_answers_as_memory_does() {
    let seeds = std::env::var("ENTOURAGE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    let only = std::env::var("ENTOURAGE_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let mut doubly_refused = 0;
    for seed in only.map_or(0..seeds, |seed| seed..seed + 1) {
        println!("seed {seed}");
        let scratch = Scratch::new();
        let clock = TestClock::new("one boot", seconds(1000));
        let mut pair = Pair {
            memory: MemoryQueue::with_clock(Arc::clone(&clock) as _),
            sqlite: scratch.open(&clock),
            clock,
            consumers: Vec::new(),
            dice: Dice(Rng::new(seed)),
            ids: 0,
            doubly_refused: 0,
        };
        for _ in 0..250 {
            pair.act().await;
            if pair.dice.one_in(2) {
                pair.compare().await;
            }
            audit(&pair.sqlite).await;
        }
        pair.compare().await;
        doubly_refused += pair.doubly_refused;
    }
    println!("{doubly_refused} steps were stale and conflicted too");
    assert!(doubly_refused > 0 || only.is_some());
}
