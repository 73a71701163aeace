//! Q1 and Q6: what flows through three processes that are killed again and again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entourage::queue::Item;
use entourage_testkit::{Process, Rng, eventually, let_pass};

use crate::{DEADLINE, consumer::is_unwanted, role::Role, site::Site};

const WORKERS: u64 = 3;
const LEASE: Duration = Duration::from_millis(300);
/// So long that most kills hit a worker that holds something.
const WORK: Duration = Duration::from_millis(10);

/// Publishes slice after slice, each twice, and in the middle of each kills a worker, which is
/// started again. Returns how many were killed, when all is settled.
fn flow(site: &Site, slices: Vec<Vec<Item>>, items: usize, rng: &mut Rng) -> u64 {
    let role = Role::Worker { items, lease: LEASE, work: WORK };
    let mut workers: Vec<Process> =
        (0..WORKERS).map(|number| site.start(&number.to_string(), role)).collect();
    let (mut published, mut kills) = (0, 0);
    for slice in slices {
        let size = slice.len() as u64;
        published += size;
        // As after a lost answer.
        site.publish(slice.clone());
        site.publish(slice);
        let enough = published - rng.between(size / 2..size - 5);
        eventually(DEADLINE, "the workers get on", || {
            // What was lost is judged at the end.
            let is_over = site.settled() >= enough || site.stats().unsettled() == 0;
            is_over.then_some(())
        });
        let_pass(rng.shorter_than(Duration::from_millis(10)));
        let number = rng.between(0..WORKERS);
        let victim = &mut workers[usize::try_from(number).expect("it is small")];
        assert!(victim.is_running(), "a worker has ended by itself: {}", victim.stderr());
        victim.kill9();
        *victim = site.start(&number.to_string(), role);
        kills += 1;
    }
    site.wait_for_the_end();
    for worker in &mut workers {
        assert!(worker.is_running(), "a worker has ended by itself: {}", worker.stderr());
    }
    kills
}

pub(crate) fn q1_twenty_five_kills_lose_nothing_and_repeat_nothing(mut rng: Rng) {
    const ITEMS: u64 = 2_000;
    const SLICE: u64 = 80;
    let site = Site::new();
    let items = |first: u64| (first..first + SLICE).map(|number| Item::new(number.to_string(), "")).collect();
    let slices = (0..ITEMS / SLICE).map(|slice| items(slice * SLICE)).collect();
    let kills = flow(&site, slices, 4, &mut rng);
    assert!(kills >= 20);

    let (effects, dead, sink) = (site.effects(), site.dead(), site.sink());
    let mut times = BTreeMap::<&str, u32>::new();
    for id in effects.iter().map(|(id, _)| id).chain(dead.iter().map(|(id, ..)| id)) {
        *times.entry(id).or_default() += 1;
    }
    let repeated: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(repeated.is_empty(), "done or dead more than once: {repeated:?}");
    let names: Vec<_> = (0..ITEMS).map(|number| number.to_string()).collect();
    let lost: Vec<_> = names.iter().filter(|name| !times.contains_key(name.as_str())).collect();
    assert!(lost.is_empty(), "neither done nor dead: {lost:?}");
    assert_eq!(effects.len() + dead.len(), names.len());
    let unwanted = names.iter().filter(|name| is_unwanted(name));
    let rejected = dead.iter().filter(|(_, reason, _)| reason == "it is unwanted").map(|(id, ..)| id);
    let poisoned = dead.iter().filter(|(_, reason, _)| reason != "it is unwanted").count();
    if poisoned == 0 {
        assert!(rejected.eq(unwanted), "others were given up: {dead:?}");
    }
    let rewritten: Vec<_> = site.records().into_iter().filter(|(_, _, writes)| *writes > 1).collect();
    assert!(rewritten.is_empty(), "settled by two steps: {rewritten:?}");

    let settling: BTreeSet<_> =
        sink.iter().filter(|(verb, ..)| verb == "settling").map(|(_, id, epoch)| (id, *epoch)).collect();
    let phantoms: Vec<_> = effects.iter().filter(|(id, epoch)| !settling.contains(&(id, *epoch))).collect();
    assert!(phantoms.is_empty(), "done by an attempt that was never made: {phantoms:?}");
    let attempts = sink.iter().filter(|(verb, ..)| verb == "held").count();
    assert!(attempts > names.len(), "no kill has hit a worker that held something");
    println!(
        "q1: {ITEMS} items, {kills} kills, {} attempts, {} done, {} dead, none lost, none twice",
        attempts,
        effects.len(),
        dead.len()
    );
}

pub(crate) fn q6_a_key_is_in_order_among_processes_that_are_killed(mut rng: Rng) {
    const KEYS: u64 = 12;
    const OF_A_KEY: u64 = 45;
    const SLICE: u64 = 5;
    let site = Site::new();
    let item = |key, sequence: u64| Item::new(format!("{key}/{sequence}"), "").with_key(format!("key-{key}"));
    let slice = |first: u64| {
        (first..first + SLICE).flat_map(|sequence| (0..KEYS).map(move |key| item(key, sequence))).collect()
    };
    let slices = (0..OF_A_KEY / SLICE).map(|number| slice(number * SLICE)).collect();
    let kills = flow(&site, slices, 6, &mut rng);

    assert_eq!(site.dead(), [], "a dead letter would free its key");
    let (effects, sink) = (site.effects(), site.sink());
    let split = |id: &str| -> (u64, u64) {
        let (key, sequence) = id.split_once('/').expect("an id is a key and a number");
        (key.parse().expect("a number"), sequence.parse().expect("a number"))
    };
    let mut orders = BTreeMap::<u64, Vec<u64>>::new();
    for (id, _) in &effects {
        let (key, sequence) = split(id);
        orders.entry(key).or_default().push(sequence);
    }
    for key in 0..KEYS {
        assert_eq!(orders[&key], Vec::from_iter(0..OF_A_KEY), "the order of key {key}");
    }

    // The attempt that settled an item said so before its step, and whoever then got the next of
    // its key says so after that: what stands in the file in another order was in flight at once.
    // Words of an attempt that came too late count for nothing.
    let settled: BTreeSet<(&str, u64)> = effects.iter().map(|(id, epoch)| (id.as_str(), *epoch)).collect();
    let mut through = BTreeMap::<u64, u64>::new();
    let mut highest = BTreeMap::<u64, u64>::new();
    for (verb, id, epoch) in &sink {
        let (key, sequence) = split(id);
        let settled_before = through.get(&key).copied().unwrap_or(0);
        match verb.as_str() {
            "held" => {
                assert!(
                    sequence <= settled_before,
                    "{id} was held while {key}/{settled_before} was in flight"
                );
            }
            "settling" if settled.contains(&(id, *epoch)) => {
                let highest = highest.entry(key).or_default();
                assert!(*epoch > *highest, "epoch {epoch} of {id} comes after {highest} of its key");
                *highest = *epoch;
                through.insert(key, sequence + 1);
            }
            _ => {}
        }
    }
    let attempts = sink.iter().filter(|(verb, ..)| verb == "held").count();
    assert!(attempts > effects.len(), "no kill has hit a worker that held something");
    println!("q6: {} items of {KEYS} keys in order, {kills} kills, {attempts} attempts", effects.len());
}
