//! The list of cases catches every queue that is wrong on purpose.

use std::{
    collections::BTreeMap,
    fmt::Write,
    panic,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use entourage_engine::conformance::Fixture;
use entourage_queue::conformance::{MUTANTS, Mutant, Subject};

use crate::{fixtures::Memory, model};

/// Memory, with less patience for a case that a wrong queue keeps busy.
#[derive(Clone)]
struct Hasty;

impl Fixture for Hasty {
    type Guard = ();
    type Subject = Subject;
    const NAME: &'static str = "hasty";

    fn deadline(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn open(&self) -> ((), Subject) {
        ((), Memory::subject())
    }
}

/// Panics on the mutants' threads are what is hoped for, and in tasks of theirs.
fn silence_mutants() {
    let others = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !thread::current().name().is_some_and(|name| name.starts_with("mutant ")) {
            others(panic);
        }
    }));
}

#[test]
fn every_mutant_is_caught_and_no_two_by_the_same_single_case() {
    silence_mutants();
    let caught: Mutex<BTreeMap<&str, Vec<&str>>> = Mutex::default();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(mutant) = MUTANTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let cases = mutant.caught_by(&Hasty);
                    caught.lock().expect("no thread panics").insert(mutant.name, cases);
                }
            });
        }
    });
    let caught = caught.into_inner().expect("no thread panics");
    let mut table = String::from("mutant → the cases that caught it\n");
    for (mutant, cases) in &caught {
        writeln!(table, "{mutant:32} {:3}  {}", cases.len(), cases.join(" ")).expect("a string takes all");
    }
    println!("{table}");
    assert_eq!(caught.len(), MUTANTS.len(), "two mutants have one name");
    let mut single = BTreeMap::new();
    for (mutant, cases) in &caught {
        match cases[..] {
            [] => panic!("{mutant} is caught by no case\n{table}"),
            [case] => {
                if let Some(other) = single.insert(case, mutant) {
                    panic!("{mutant} and {other} are caught by {case} alone\n{table}");
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_mutant_without_its_fault_is_caught_by_nothing() {
    assert_eq!(Mutant::HARMLESS.caught_by(&Hasty), Vec::<&str>::new());
}

/// A mutant, as the model meets it.
#[derive(Clone)]
struct Spoiled(Mutant);

impl Fixture for Spoiled {
    type Guard = ();
    type Subject = Subject;
    const NAME: &'static str = "spoiled";

    async fn open(&self) -> ((), Subject) {
        ((), self.0.spoil(Memory::subject()))
    }
}

/// What a sequence of calls, none of them dropped and all in one realm, cannot show.
const BEYOND_THE_MODEL: &[&str] = &["adopts_any_realm", "loses_dropped_receives"];

#[test]
fn the_model_finds_every_mutant_within_its_reach() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    let mut missed = Vec::new();
    for mutant in MUTANTS.iter().filter(|mutant| !BEYOND_THE_MODEL.contains(&mutant.name)) {
        let found = (0..50).find(|seed| runtime.block_on(model::check(&Spoiled(*mutant), *seed)).is_err());
        match found {
            Some(seed) => println!("{}: seed {seed}", mutant.name),
            None => missed.push(mutant.name),
        }
    }
    assert!(missed.is_empty(), "these agree with the model: {missed:?}");
}
