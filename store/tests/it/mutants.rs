//! The list of cases catches every store that is wrong on purpose.

use std::{sync::Arc, thread, time::Duration};

use entourage_engine::conformance::{Caught, Fixture, Spoiled};
use entourage_store::{
    Capabilities, MemoryOptions, MemoryStore,
    conformance::{HARMLESS, MUTANTS, Subject, cases, model},
};

use crate::fixtures::Memory;

#[test]
fn every_mutant_is_caught_and_no_two_by_the_same_single_case() {
    let caught = Caught::survey(&Memory::default(), &cases(), MUTANTS);
    println!("{caught}");
    caught.assert_each_is_told_apart();
}

#[test]
fn a_mutant_without_its_fault_is_caught_by_nothing() {
    assert_eq!(HARMLESS.caught_by(&Memory::default(), &cases()), Vec::<&str>::new());
}

/// Memory that lives by the machine's clock, with times to live of whole seconds.
#[derive(Clone)]
struct InRealTime;

impl Fixture for InRealTime {
    type Guard = ();
    type Subject = Subject;
    const NAME: &'static str = "in_real_time";

    async fn open(&self) -> ((), Subject) {
        let second = Duration::from_secs(1);
        let limits = Capabilities::new().with_ttl(second, second);
        let store = MemoryStore::with_options(MemoryOptions::new().with_limits(limits));
        ((), Subject::in_real_time(Arc::new(store)))
    }
}

#[test]
fn who_expires_wrongly_is_caught_in_real_time_too() {
    let wrong = [
        ("expires_early", "a_session_lives_until_its_deadline"),
        ("expires_late", "a_session_is_dead_at_its_deadline"),
        ("renews_nothing", "a_renewal_runs_from_when_it_was_sent"),
        ("renews_for_anybody", "an_earlier_incarnation_cannot_renew"),
        ("resumes_the_lost", "an_expired_session_cannot_be_resumed"),
    ];
    let run = |name: &str, case: &'static str| {
        let mutant = MUTANTS.iter().chain([&HARMLESS]).find(|mutant| mutant.name == name);
        let case: Vec<_> = cases().into_iter().filter(|one| one.name() == case).collect();
        mutant.expect("there is one of this name").caught_by(&InRealTime, &case)
    };
    thread::scope(|scope| {
        for (name, case) in wrong {
            scope.spawn(move || assert_eq!(run(name, case), [case], "{name}"));
            scope.spawn(move || assert_eq!(run("harmless", case), Vec::<&str>::new(), "{case}"));
        }
    });
}

/// What a sequence of calls, one at a time and within all limits, cannot show.
const BEYOND_THE_MODEL: &[&str] = &[
    // Two writers at once, or a future that is dropped.
    "lists_key_by_key",
    "loses_what_is_dropped",
    // Limits, and keys that look alike.
    "takes_too_many_writes",
    "takes_too_long_values",
    "folds_case",
    // A watch is only asked for what it must have, so it may sleep.
    "sleeps_through_expiry",
    // A commit that changes nothing is allowed for a store with other users.
    "commits_reads",
];

#[test]
fn the_model_finds_every_mutant_within_its_reach() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    let memory = Memory { history: 24 };
    for mutant in MUTANTS.iter().filter(|mutant| !BEYOND_THE_MODEL.contains(&mutant.name)) {
        // Short sequences, because each that fails is made shorter still, step by step.
        let mut seeds = 0..200;
        let spoiled = Spoiled::new(memory.clone(), *mutant);
        let found = seeds.find_map(|seed| runtime.block_on(model::check(&spoiled, seed, 60)).err());
        let found = found.unwrap_or_else(|| panic!("{} agrees with the model", mutant.name));
        println!("{}: {found}\n", mutant.name);
    }
}
