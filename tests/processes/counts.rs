//! Q8: counts read in one process while others work and are killed.

use std::{collections::BTreeSet, time::Duration};

use entourage::queue::{Item, Publication};
use entourage_testkit::{Process, Rng, eventually, let_pass};

use crate::{
    DEADLINE,
    consumer::UNWANTED,
    role::Role,
    site::{Site, held, input, said},
};

const WORKERS: u64 = 3;
const LEASE: Duration = Duration::from_millis(300);
/// So long that most kills hit a worker that holds something.
const WORK: Duration = Duration::from_millis(10);
/// Items of a step.
const BATCH: u64 = 4;
/// Items that a process which is not killed holds all the time.
const HELD: u64 = 7;
/// Items behind one of those, of the same key, and delayed ones.
const BEHIND: u64 = 3;
const DELAYED: u64 = 5;
const WAITING: u64 = BEHIND + DELAYED;

/// A worker that is made to stand still now and then.
struct Worker {
    name: String,
    process: Process,
    stops: u32,
}

impl Worker {
    fn start(site: &Site, name: String) -> Self {
        let items = usize::try_from(BATCH).expect("it is small");
        let process = site.start(&name, Role::Worker { items, lease: LEASE, work: WORK });
        Self { name, process, stops: 0 }
    }

    fn stop(&self, site: &Site) {
        site.tell(&format!("{}-quiet-{}", self.name, self.stops));
    }

    /// Waits until it stands still, holding nothing.
    fn quiet(&self) {
        said(&self.process, &format!("quiet-{}", self.stops));
    }

    fn go_on(&mut self, site: &Site) {
        site.tell(&format!("{}-go-{}", self.name, self.stops));
        self.stops += 1;
    }
}

/// How many items a process says that it has settled.
fn settled(said: &str) -> u64 {
    let counts = said.lines().filter_map(|line| line.strip_prefix("settled "));
    counts.map(|count| count.parse::<u64>().expect("a count is said")).sum()
}

/// What became of the items, as the steps that settled them and the dead letters have it.
#[derive(Debug)]
struct Ledger {
    accepted: u64,
    /// Given up by a worker, or by the queue after too many kills.
    dead: u64,
    /// By a worker's step.
    settled: u64,
}

impl Ledger {
    fn of(site: &Site) -> Self {
        let records = site.records();
        let twice: Vec<_> = records.iter().filter(|(_, _, writes)| *writes > 1).collect();
        assert!(twice.is_empty(), "settled by two steps: {twice:?}");
        let written: BTreeSet<_> = records.into_iter().map(|(id, ..)| id).collect();
        let dead = site.dead();
        let rejected = dead.iter().filter(|(id, ..)| written.contains(id)).count() as u64;
        let settled = written.len() as u64;
        Self { accepted: settled - rejected, dead: dead.len() as u64, settled }
    }
}

/// Ready, waiting, in flight and dead.
fn counts(site: &Site) -> [u64; 4] {
    let stats = site.stats();
    assert!(stats.oldest.is_some(), "the oldest of {} items has no age", stats.unsettled());
    [stats.ready, stats.waiting, stats.in_flight, stats.dead]
}

/// Starts the process that holds [`HELD`] items and makes [`BEHIND`] wait; others are delayed.
fn set_aside(site: &Site) -> Process {
    let keyed = |number| Item::new(format!("keyed-{number}"), "").with_key("key");
    site.publish((1..HELD).map(|number| Item::new(format!("held-{number}"), "")).chain([keyed(0)]));
    let items = usize::try_from(HELD).expect("it is small");
    let holder = site.start("holder", Role::Holder { items, lease: DEADLINE });
    for _ in 0..HELD {
        held(&holder);
    }
    site.publish((1..=BEHIND).map(keyed));
    let late = |number| Publication::new(input(), Item::new(format!("late-{number}"), ""));
    site.send((0..DELAYED).map(|number| late(number).delayed(Duration::from_secs(3_600))).collect());
    assert_eq!(counts(site), [0, WAITING, HELD, 0]);
    holder
}

pub(crate) fn q8_the_counts_are_exact_among_processes_that_are_killed(mut rng: Rng) {
    const ROUNDS: u64 = 8;
    const OF_A_ROUND: u64 = 100;
    let site = Site::new();
    let holder = set_aside(&site);
    let mut workers: Vec<_> =
        (0..WORKERS).map(|number| Worker::start(&site, format!("first-{number}"))).collect();
    let (mut published, mut done) = (0, 0);
    // What those said that were killed; each may have died before it said its last step.
    let (mut said_before, mut unsaid) = (0, 0);
    for round in 0..ROUNDS {
        let numbers = published + 1..=published + OF_A_ROUND;
        site.publish(numbers.map(|number| Item::new(number.to_string(), "")));
        published += OF_A_ROUND;

        // Nobody publishes now, so that the sum can only fall, and by what is accepted alone.
        let mut before = u64::MAX;
        let enough = done + rng.between(10..OF_A_ROUND / 2);
        eventually(DEADLINE, "the workers get on", || {
            let [ready, waiting, in_flight, dead] = counts(&site);
            let sum = ready + waiting + in_flight + dead;
            assert!(sum <= before, "the sum has grown from {before} to {sum}");
            assert_eq!(waiting, WAITING);
            assert!((HELD..=HELD + BATCH * WORKERS).contains(&in_flight), "{in_flight} are in flight");
            before = sum;
            (published + WAITING + HELD - sum + dead >= enough).then_some(())
        });

        let_pass(rng.shorter_than(WORK));
        let victim = usize::try_from(rng.between(0..WORKERS)).expect("it is small");
        let mut victim = workers.swap_remove(victim);
        assert!(victim.process.is_running(), "a worker has ended by itself: {}", victim.process.stderr());
        victim.process.kill9();
        said_before += settled(&victim.process.wait(DEADLINE).stdout);
        unsaid += BATCH;
        workers.iter().for_each(|worker| worker.stop(&site));
        workers.iter().for_each(Worker::quiet);

        // Nobody works now. What the dead one held is in flight, and then ready or a dead letter.
        let ledger = Ledger::of(&site);
        let said: u64 = workers.iter().map(|worker| settled(&worker.process.stdout())).sum();
        let said = said_before + said;
        assert!(
            (said..=said + unsaid).contains(&ledger.settled),
            "{} are settled, and {said} were said to be, but for {unsaid} at most",
            ledger.settled
        );
        let all = published + HELD + WAITING - ledger.accepted;
        eventually(DEADLINE, "what the dead one held is back", || {
            let counts = counts(&site);
            assert_eq!(counts.iter().sum::<u64>(), all, "round {round}: {counts:?}");
            (counts[2] == HELD).then_some(())
        });
        let Ledger { accepted, dead, .. } = Ledger::of(&site);
        assert_eq!(counts(&site), [published - accepted - dead, WAITING, HELD, dead], "round {round}");
        done = accepted + dead;
        workers.push(Worker::start(&site, format!("next-{round}")));
        for worker in workers.iter_mut().take(WORKERS as usize - 1) {
            worker.go_on(&site);
        }
    }

    eventually(DEADLINE, "what can be done is done", || {
        (counts(&site)[..3] == [0, WAITING, HELD]).then_some(())
    });
    site.tell("holder-settle");
    said(&holder, "settled");
    eventually(DEADLINE, "the key is free", || (counts(&site)[..3] == [0, DELAYED, 0]).then_some(()));
    let ledger = Ledger::of(&site);
    assert_eq!(ledger.accepted + ledger.dead, published + HELD + BEHIND, "an item was lost");
    assert_eq!(counts(&site), [0, DELAYED, 0, ledger.dead]);
    assert_eq!(site.effects().len() as u64, ledger.accepted);
    assert!(ledger.dead >= published / UNWANTED);
    let attempts = site.sink().iter().filter(|(verb, ..)| verb == "held").count() as u64;
    assert!(attempts > published + BEHIND, "no kill has hit a worker that held something");
    println!("q8: {published} items, {ROUNDS} kills, {attempts} attempts, counts exact each time");
}
