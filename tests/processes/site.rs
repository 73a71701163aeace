//! A queue's file, and the processes that share it.

use std::{fs, path::PathBuf, time::Duration};

use entourage::queue::{
    Ask, Group, Item, ItemId, Publication, Queue, Record, SettlerExt, SqliteQueue, Stats, Topic,
};
use entourage_testkit::{Process, Program, Scratch, eventually};
use tokio::runtime::Runtime;

use crate::{
    DEADLINE,
    child::{number, runtime},
    consumer::options,
    role::{ROLE, Role},
};

/// Where items come from.
pub(crate) fn input() -> Topic {
    Topic::new("in")
}

/// Where every settled item goes, named after the item and the attempt: see [`effect`].
pub(crate) fn output() -> Topic {
    Topic::new("out")
}

/// The bundle of the partials that are merged.
pub(crate) const TOTAL: &str = "total";

/// Who works.
pub(crate) fn workers() -> Group {
    Group::new("workers")
}

/// Who counts what came out.
pub(crate) fn readers() -> Group {
    Group::new("readers")
}

/// What an attempt sends on: two attempts that both took effect are two of them.
pub(crate) fn effect(id: &ItemId, epoch: u64) -> Item {
    Item::new(format!("{id}@{epoch}"), "")
}

/// A scratch directory with a queue, which this process, the last of those that share it, reads.
pub(crate) struct Site {
    pub(crate) queue: SqliteQueue,
    runtime: Runtime,
    scratch: Scratch,
}

/// A line of a process that holds an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) id: String,
    pub(crate) epoch: u64,
    pub(crate) attempt: u32,
    pub(crate) lapses: u32,
}

impl Site {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        let queue = SqliteQueue::open(scratch.join("queue.db")).expect("the queue opens");
        Self { queue, runtime: runtime(), scratch }
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Starts a process of this role and name.
    pub(crate) fn start(&self, name: &str, role: Role) -> Process {
        let program = Program::this_test().env(ROLE, role.to_string());
        program.arg(self.scratch.path()).arg(name).keeping(16 << 20).start()
    }

    /// Tells the processes that wait for `word`.
    pub(crate) fn tell(&self, word: &str) {
        fs::write(self.scratch.join(word), "").expect("a file can be made");
    }

    pub(crate) fn publish(&self, items: impl IntoIterator<Item = Item>) {
        self.send(items.into_iter().map(|item| Publication::new(input(), item)).collect());
    }

    pub(crate) fn send(&self, batch: Vec<Publication>) {
        self.block_on(self.queue.publish(batch)).expect("the queue answers");
    }

    /// What the workers have before them.
    pub(crate) fn stats(&self) -> Stats {
        self.block_on(self.queue.stats(&input(), &workers())).expect("the queue answers")
    }

    /// How many items are done or dead.
    pub(crate) fn settled(&self) -> u64 {
        let done = self.block_on(self.queue.stats(&output(), &readers())).expect("the queue answers");
        done.unsettled() + self.stats().dead
    }

    /// Waits until nothing is left to do.
    pub(crate) fn wait_for_the_end(&self) {
        eventually(DEADLINE, "all is settled", || (self.stats().unsettled() == 0).then_some(()));
    }

    /// The items that were given up.
    pub(crate) fn dead(&self) -> Vec<(String, String, u32)> {
        let dead =
            self.block_on(self.queue.dead(&input(), &workers(), usize::MAX)).expect("the queue answers");
        dead.into_iter().map(|dead| (dead.item.id().to_string(), dead.reason, dead.attempts)).collect()
    }

    /// The items and epochs that took effect, in the order of their steps; each is taken.
    pub(crate) fn effects(&self) -> Vec<(String, u64)> {
        let names = self.block_on(async {
            let (mut receiver, settler) =
                self.queue.subscribe(&[output()], &readers(), options(DEADLINE)).await?;
            let mut names = Vec::new();
            loop {
                let more = receiver.receive(Ask::up_to(1_000).wait(Duration::ZERO)).await?;
                if more.is_empty() {
                    receiver.close().await?;
                    return Ok::<_, entourage::queue::Error>(names);
                }
                names.extend(more.iter().map(|delivery| delivery.id().to_string()));
                settler.accept(more).await?;
            }
        });
        let names = names.expect("the queue answers");
        names.iter().map(|name| named(name).expect("an effect is named after its attempt")).collect()
    }

    /// The numbers of the items that are ready; each is taken.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let numbers = self.block_on(async {
            let (mut receiver, settler) =
                self.queue.subscribe(&[input()], &workers(), options(DEADLINE)).await?;
            let ready = receiver.receive(Ask::up_to(1_000).wait(Duration::ZERO)).await?;
            let numbers = ready.iter().map(|delivery| number(delivery.item())).collect();
            settler.accept(ready).await?;
            receiver.close().await?;
            Ok::<_, entourage::queue::Error>(numbers)
        });
        numbers.expect("the queue answers")
    }

    /// What the workers wrote with their steps: an item, its last epoch, and how many wrote.
    pub(crate) fn records(&self) -> Vec<(String, u64, u64)> {
        let records = self.block_on(self.queue.records(&workers(), "")).expect("the queue answers");
        let epoch = |value: &[u8]| std::str::from_utf8(value).ok()?.parse().ok();
        let written = |record: Record| {
            let epoch = epoch(&record.value).expect("an epoch is written");
            (record.key.to_string(), epoch, record.version)
        };
        records.into_iter().map(written).collect()
    }

    /// What the workers wrote before their steps: `held` and `settling`, an id and an epoch.
    pub(crate) fn sink(&self) -> Vec<(String, String, u64)> {
        let text = fs::read_to_string(self.sink_path()).expect("a worker has made it");
        let parse = |line: &str| {
            let (verb, name) = line.split_once(' ')?;
            let (id, epoch) = named(name)?;
            Some((verb.to_owned(), id, epoch))
        };
        text.lines().map(|line| parse(line).expect("a line is whole")).collect()
    }

    fn sink_path(&self) -> PathBuf {
        self.scratch.join("sink")
    }
}

fn named(name: &str) -> Option<(String, u64)> {
    let (id, epoch) = name.rsplit_once('@')?;
    Some((id.to_owned(), epoch.parse().ok()?))
}

/// Waits until `holder` says that it holds an item.
#[track_caller]
pub(crate) fn held(holder: &Process) -> Held {
    held_within(holder, DEADLINE)
}

/// As [`held`], within this time.
#[track_caller]
pub(crate) fn held_within(holder: &Process, deadline: Duration) -> Held {
    let line = holder.wait_line("what it holds", |line| line.starts_with("held "), deadline);
    let words: Vec<_> = line.split(' ').collect();
    let number = |at: usize| words[at].parse::<u64>().expect("a number is said");
    let small = |at| u32::try_from(number(at)).expect("it is small");
    Held { id: words[1].to_owned(), epoch: number(2), attempt: small(3), lapses: small(4) }
}

/// Waits until a process says a line that begins like this.
#[track_caller]
pub(crate) fn said(process: &Process, beginning: &str) -> String {
    process.wait_line(beginning, |line| line.starts_with(beginning), DEADLINE)
}
