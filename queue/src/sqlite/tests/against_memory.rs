//! The same calls on a file and in memory have the same answers.

use std::{fmt::Debug, sync::Arc, time::Duration};

use entourage_core::{Fence, Scope};
use entourage_testkit::Rng;

use super::{Scratch, audit::audit, clock::TestClock};
use crate::{
    Ask, Delivery, Error, Group, Item, ItemId, MemoryQueue, Publication, Queue, Receipt, Redrive, Rejection,
    Release, Returns, SqliteQueue, StateWrite, Step, StepId, SubscribeOptions, Topic, TopicOptions,
    broker::{Broker, ConsumerId, LeasedItem},
};

/// Gives nothing back: what a test drops, it has dealt with.
#[derive(Debug)]
struct Nowhere;

impl Returns for Nowhere {
    fn give_back(&self, _: Receipt) {}
}

/// Drawn from a seed, so that a failure names the seed that repeats it.
struct Dice(Rng);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0.between(0..n)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

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

    async fn join(&mut self) {
        let topics: Vec<Topic> = match self.dice.below(3) {
            0 => vec!["in".into()],
            1 => vec!["out".into()],
            _ => vec!["out".into(), "in".into()],
        };
        let group = Group::from(*self.dice.of(&GROUPS));
        let options = SubscribeOptions::new()
            .with_lease(seconds(10))
            .with_time_limit(seconds(4 + self.dice.below(20)))
            .with_delivery_limit(1 + u32::try_from(self.dice.below(3)).unwrap());
        let [memory, sqlite] = self.brokers();
        let ids = [
            memory.join(&topics, &group, options).await.unwrap(),
            sqlite.join(&topics, &group, options).await.unwrap(),
        ];
        self.consumers.push(Consumer { ids, held: Vec::new() });
    }

    async fn lease(&mut self, at: usize) {
        let max = 1 + usize::try_from(self.dice.below(5)).unwrap();
        let mut ask = Ask::up_to(max).wait(Duration::ZERO);
        ask.at_least = 1 + usize::try_from(self.dice.below(max as u64)).unwrap();
        ask.same_bundle = self.dice.one_in(2);
        if self.dice.one_in(3) {
            ask = ask.max_bytes(usize::try_from(self.dice.below(6)).unwrap());
        }
        let ids = self.consumers[at].ids;
        let [memory, sqlite] = self.brokers();
        let memory = memory.lease(ids[0], ask).await;
        let sqlite = sqlite.lease(ids[1], ask).await;
        let (Ok(memory), Ok(sqlite)) = (&memory, &sqlite) else {
            same("lease", memory.map(drop), sqlite.map(drop)).unwrap_err();
            return;
        };
        let seen = |items: &[LeasedItem]| {
            let seen = |one: &LeasedItem| {
                let LeasedItem { topic, item, receipt, retries, lapses } = one;
                format!("{topic} {item:?} {} {retries} {lapses}", receipt.sequence)
            };
            items.iter().map(seen).collect::<Vec<_>>()
        };
        assert_eq!(seen(&memory.items), seen(&sqlite.items), "{ask:?}");
        if let Some(due) = memory.next_due {
            assert!(sqlite.next_due.is_some_and(|earlier| earlier <= due), "{memory:?} {sqlite:?}");
        }
        let held = memory.items.iter().zip(&sqlite.items).map(|(memory, sqlite)| Held {
            topic: sqlite.topic.clone(),
            item: sqlite.item.clone(),
            counts: (sqlite.retries, sqlite.lapses),
            sequence: sqlite.receipt.sequence,
            epochs: [memory.receipt.epoch, sqlite.receipt.epoch],
        });
        self.consumers[at].held.extend(held);
    }

    fn steps(&self, held: &[(Held, u8, Duration)], rest: &Step) -> [Step; 2] {
        [0, 1].map(|which| {
            let realm = self.brokers()[which].realm();
            let mut step = Step {
                id: rest.id.clone(),
                publish: rest.publish.clone(),
                state: rest.state.clone(),
                ..Step::new()
            };
            for (held, verb, after) in held {
                let Held { topic, item, counts, sequence, epochs } = held.clone();
                let epoch = epochs[which];
                let fence = Fence::new(realm, Scope::new("any"), epoch);
                let receipt = Receipt { sequence, epoch };
                let delivery = Delivery::leased(topic, item, fence, receipt, counts, Arc::new(Nowhere));
                match verb {
                    0..=3 => step.accept.push(delivery),
                    4..=6 => step.release.push(Release { delivery, after: *after, retry: *verb != 4 }),
                    _ => step.reject.push(Rejection { delivery, reason: "no".to_owned() }),
                }
            }
            step
        })
    }

    async fn step(&mut self, at: usize) {
        let mut settled = Vec::new();
        for held in std::mem::take(&mut self.consumers[at].held) {
            let verb = u8::try_from(self.dice.below(8)).unwrap();
            let after = seconds(if self.dice.one_in(2) { self.dice.below(6) } else { 0 });
            match self.dice.below(4) {
                0 => self.consumers[at].held.push(held),
                _ => settled.push((held, verb, after)),
            }
        }
        let mut rest = Step::new();
        if settled.is_empty() || self.dice.one_in(4) {
            rest.id = Some(StepId::new(format!("step-{}", self.dice.below(20))));
        }
        if self.dice.one_in(2) {
            rest.publish = self.publications();
        }
        if self.dice.one_in(3) {
            let value = (!self.dice.one_in(4)).then(|| b"v".as_slice().into());
            let expected = self.dice.one_in(2).then(|| self.dice.below(3));
            rest.state = vec![StateWrite { key: format!("k{}", self.dice.below(2)), expected, value }];
        }
        println!("step {settled:?} {rest:?}");
        let [first, second] = self.steps(&settled, &rest);
        let ids = self.consumers[at].ids;
        let [memory, sqlite] = self.brokers();
        let memory = memory.apply(ids[0], &first).await;
        let applied = same("step", memory, sqlite.apply(ids[1], &second).await);
        if let Err(Error::Stale { ids: stale }) = &applied {
            self.doubly_refused += u32::from(self.conflicts(at, &rest).await);
            settled.retain(|(held, ..)| !stale.contains(held.item.id()));
        }
        if applied.is_err() {
            self.consumers[at].held.extend(settled.into_iter().map(|(held, ..)| held));
        } else if self.dice.one_in(3) {
            let [first, second] = self.steps(&settled, &rest);
            let [memory, sqlite] = self.brokers();
            let memory = memory.apply(ids[0], &first).await;
            same("repeated step", memory, sqlite.apply(ids[1], &second).await).ok();
        }
    }

    async fn conflicts(&self, at: usize, step: &Step) -> bool {
        for StateWrite { key, expected, .. } in &step.state {
            let record = Broker::state(&self.memory, self.consumers[at].ids[0], key).await;
            // Who has left reads nothing.
            let Ok(record) = record else { return false };
            let found = record.map_or(0, |record| record.version);
            if expected.is_some_and(|expected| expected != found) {
                return true;
            }
        }
        false
    }

    async fn renew_or_return(&mut self, at: usize) {
        let Consumer { ids, held } = &self.consumers[at];
        let Some(one) = held.first().cloned() else { return };
        let ids = *ids;
        let receipt = |which: usize| Receipt { sequence: one.sequence, epoch: one.epochs[which] };
        let time = seconds(1 + self.dice.below(30));
        let gives_back = self.dice.one_in(2);
        let [memory, sqlite] = self.brokers();
        if gives_back {
            memory.give_back(ids[0], vec![receipt(0)]).await.unwrap();
            sqlite.give_back(ids[1], vec![receipt(1)]).await.unwrap();
        } else {
            let renewed = memory.renew(ids[0], receipt(0), time).await;
            same("renew", renewed, sqlite.renew(ids[1], receipt(1), time).await).ok();
        }
        if gives_back && self.dice.one_in(2) {
            // Sometimes it is settled later, stale.
            self.consumers[at].held.remove(0);
        }
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
