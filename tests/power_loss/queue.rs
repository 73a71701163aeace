//! Publications and steps of a queue.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use entourage::{
    core::{Clock, SystemClock},
    queue::{
        Ask, Delivery, Error, Group, Item, Publication, Published, Queue, Receiver, Result, Settler,
        SqliteQueue, SqliteQueueOptions, Step, SubscribeOptions, Topic,
    },
};
use entourage_testkit::Rng;

use crate::{DEADLINE, LEAST, Subject, content, runtime};

pub(crate) const SUBJECT: Subject =
    Subject { name: "queue", write, faults, is_write: |line| !line.starts_with("held ") };

const PUBLISHERS: u64 = 3;
const WORKERS: u64 = 2;
/// Items of one publication, and the most of one step.
const BATCH: u64 = 4;
/// How long the dead writer's items stay its own: the boot is the same.
const LEASE: Duration = Duration::from_secs(1);

fn options() -> SubscribeOptions {
    // On a busy machine a lease may lapse now and then; that is not what is tested here.
    SubscribeOptions::new().with_lease(LEASE).with_delivery_limit(1_000)
}

fn input() -> Topic {
    Topic::new("in")
}

fn output() -> Topic {
    Topic::new("out")
}

fn workers() -> Group {
    Group::new("workers")
}

fn item(number: u64) -> Item {
    Item::new(number.to_string(), content(number))
}

fn number(item: &Item) -> u64 {
    item.id().as_str().parse().expect("items are named by their numbers")
}

/// These are given up instead of accepted.
fn is_poison(number: u64) -> bool {
    number.is_multiple_of(17)
}

/// Prints what was published, what each attempt held, and what was settled by which epoch.
fn write(path: &Path) {
    let queue = SqliteQueue::open(path).expect("the queue opens");
    runtime().block_on(async {
        let mut tasks = Vec::new();
        for worker in 0..WORKERS {
            let subscribed = queue.subscribe(&[input()], &workers(), options()).await;
            let (receiver, settler) = subscribed.expect("a queue of a running machine answers");
            tasks.push(tokio::spawn(work(receiver, settler, worker)));
        }
        tasks.extend((0..PUBLISHERS).map(|publisher| tokio::spawn(publish(queue.clone(), publisher))));
        for task in tasks {
            task.await.expect("a task does not panic");
        }
    });
}

async fn publish(queue: SqliteQueue, publisher: u64) {
    for batch in 0.. {
        let first = (batch * PUBLISHERS + publisher) * BATCH;
        let numbers = first..first + BATCH;
        let publications = numbers.clone().map(|number| Publication::new(input(), item(number))).collect();
        // Without power every call fails.
        let Ok(_) = queue.publish(publications).await else { return };
        say(numbers.map(|number| format!("published {number}")));
        rest(batch).await;
    }
}

async fn work(mut receiver: Box<dyn Receiver>, settler: Arc<dyn Settler>, worker: u64) {
    for round in 0_u64.. {
        let size = 1 + (round + worker) % BATCH;
        let ask = Ask::up_to(usize::try_from(size).expect("it is small"));
        let Ok(deliveries) = receiver.receive(ask).await else { return };
        say(deliveries.iter().map(|delivery| format!("held {} {}", delivery.id(), epoch(delivery))));
        rest(round).await;
        let mut settled = Vec::new();
        let mut step = Step::new();
        for delivery in deliveries {
            let (number, epoch) = (number(delivery.item()), epoch(&delivery));
            if is_poison(number) {
                settled.push(format!("rejected {number} {epoch}"));
                step = step.reject(delivery, "it is poison");
            } else {
                settled.push(format!("accepted {number} {epoch}"));
                step = step
                    .write(number.to_string(), 0, epoch.to_string())
                    .publish(Publication::new(output(), item(number)))
                    .accept(delivery);
            }
        }
        match settler.step(step).await {
            Ok(_) => say(settled),
            Err(unapplied) if unapplied.error.is_stale() => {}
            Err(_) => return,
        }
    }
}

/// Up to some milliseconds in which no sync of this task's hides that an attempt needs none.
async fn rest(number: u64) {
    let duration = Rng::new(number).shorter_than(Duration::from_millis(10));
    entourage::core::sleep(&SystemClock::new(), duration).await;
}

fn epoch(delivery: &Delivery) -> u64 {
    delivery.fence().epoch()
}

fn say(lines: impl IntoIterator<Item = String>) {
    print!("{}", lines.into_iter().map(|line| line + "\n").collect::<String>());
}

/// What the writer said.
#[derive(Default)]
struct Said {
    published: BTreeSet<u64>,
    /// Items to the epochs that settled them.
    accepted: BTreeMap<u64, u64>,
    rejected: BTreeSet<u64>,
    highest_epoch: u64,
}

impl Said {
    fn parse(lines: &[&str]) -> Self {
        let mut said = Self::default();
        for line in lines {
            let mut parts = line.split(' ');
            let verb = parts.next().expect("a line has a first word");
            let mut next = || parts.next().and_then(|part| part.parse::<u64>().ok());
            match (verb, next(), next()) {
                ("published", Some(number), None) => drop(said.published.insert(number)),
                ("held", Some(_), Some(epoch)) => said.highest_epoch = said.highest_epoch.max(epoch),
                ("accepted", Some(number), Some(epoch)) => drop(said.accepted.insert(number, epoch)),
                ("rejected", Some(number), Some(_)) => drop(said.rejected.insert(number)),
                _ => panic!("{line:?} is not what a writer says"),
            }
        }
        said
    }
}

/// What the file holds.
struct Found {
    /// Items to the epochs that settled them, from the state records.
    accepted: BTreeMap<u64, u64>,
    rejected: BTreeSet<u64>,
    sent_on: Vec<u64>,
    unsettled: Vec<u64>,
    lowest_epoch: u64,
    republished: Vec<Published>,
}

fn faults(path: &Path, clock: Arc<dyn Clock>, lines: &[&str]) -> Vec<String> {
    let said = Said::parse(lines);
    let are_many = said.published.len() as u64 > LEAST;
    assert!(!are_many || !said.accepted.is_empty(), "no step was acknowledged, so none is judged");
    let opened = SqliteQueue::open_with(path, SqliteQueueOptions::new().with_clock(clock));
    let found = opened.map(|queue| runtime().block_on(find(&queue, &said)));
    match found {
        Ok(Ok(found)) => compare(&said, &found),
        Ok(Err(error)) => vec![format!("it cannot be read: {error:?}")],
        Err(error) => vec![format!("it does not open: {error:?}")],
    }
}

fn compare(said: &Said, found: &Found) -> Vec<String> {
    let mut faults = Vec::new();
    let mut count = BTreeMap::<u64, u32>::new();
    let settled = found.accepted.keys().chain(&found.rejected);
    for number in settled.chain(&found.unsettled) {
        *count.entry(*number).or_default() += 1;
    }
    let lost = said.published.iter().filter(|number| !count.contains_key(number));
    faults.extend(lost.map(|number| format!("item {number} was published and is gone")));
    let twice = count.iter().filter(|(_, count)| **count > 1);
    faults.extend(twice.map(|(number, _)| format!("item {number} is settled and unsettled, or there twice")));

    let undone = said.accepted.iter().filter(|(number, epoch)| found.accepted.get(number) != Some(epoch));
    faults.extend(undone.map(|(number, epoch)| format!("item {number} was accepted by {epoch} and is not")));
    let undone = said.rejected.difference(&found.rejected);
    faults.extend(undone.map(|number| format!("item {number} was rejected and is no dead letter")));
    if !found.accepted.keys().eq(&found.sent_on) {
        faults.push("a step's state and its publications are not one".to_owned());
    }

    // Attempts are granted without a sync of their own, so the power may take their number with it.
    if found.lowest_epoch <= said.highest_epoch {
        faults.push(format!("epoch {} comes after {}", found.lowest_epoch, said.highest_epoch));
    }
    let forgotten = found.republished.iter().filter(|published| **published != Published::Duplicate).count();
    if forgotten > 0 {
        faults.push(format!("{forgotten} items that were published are not known as duplicates"));
    }
    faults
}

async fn find(queue: &SqliteQueue, said: &Said) -> Result<Found> {
    let records = queue.records(&workers(), "").await?;
    let parse = |text: &str| text.parse::<u64>().expect("a number was written");
    let text = |value: &[u8]| std::str::from_utf8(value).map(parse).expect("a number was written");
    let accepted = records.iter().map(|record| (parse(&record.key), text(&record.value))).collect();
    let rejected = queue.dead(&input(), &workers(), usize::MAX).await?;

    // One more item, so that there is a delivery whose epoch can be compared.
    let next = said.published.last().map_or(0, |last| last + 1_000_000);
    queue.publish(vec![Publication::new(input(), item(next))]).await?;
    let unsettled = drain(queue, input(), workers()).await?;
    let lowest_epoch = unsettled.iter().map(epoch).min().unwrap_or(0);
    let mut unsettled: Vec<_> = unsettled.iter().map(|delivery| number(delivery.item())).collect();
    unsettled.retain(|number| *number != next);
    let sent_on = drain(queue, output(), Group::new("readers")).await?;
    let mut sent_on: Vec<_> = sent_on.iter().map(|delivery| number(delivery.item())).collect();
    sent_on.sort_unstable();

    let mut republished = Vec::new();
    let published: Vec<_> = said.published.iter().copied().collect();
    for batch in published.chunks(queue.capabilities().max_batch) {
        let again = batch.iter().map(|number| Publication::new(input(), item(*number))).collect();
        republished.extend(queue.publish(again).await?);
    }
    Ok(Found {
        accepted,
        rejected: rejected.iter().map(|dead| number(&dead.item)).collect(),
        sent_on,
        unsettled,
        lowest_epoch,
        republished,
    })
}

/// Every unsettled item, once the leases of the dead have run out.
async fn drain(queue: &SqliteQueue, topic: Topic, group: Group) -> Result<Vec<Delivery>> {
    let (mut receiver, _settler) = queue.subscribe(std::slice::from_ref(&topic), &group, options()).await?;
    let unsettled = queue.stats(&topic, &group).await?.unsettled();
    let mut drained = Vec::new();
    while (drained.len() as u64) < unsettled {
        let more = receiver.receive(Ask::up_to(1_000).wait(DEADLINE)).await?;
        if more.is_empty() {
            return Err(Error::Invalid(format!("{} of {unsettled} items were delivered", drained.len())));
        }
        for delivery in more {
            assert_eq!(delivery.item().payload(), item(number(delivery.item())).payload(), "it has changed");
            drained.push(delivery);
        }
    }
    Ok(drained)
}
