//! The list of cases catches every queue that is wrong on purpose.

use entourage_engine::conformance::{Caught, Spoiled};
use entourage_queue::conformance::{HARMLESS, MUTANTS, cases};

use crate::{fixtures::Memory, model};

#[test]
fn every_mutant_is_caught_and_no_two_by_the_same_single_case() {
    let caught = Caught::survey(&Memory, &cases(), MUTANTS);
    println!("{caught}");
    caught.assert_each_is_told_apart();
}

#[test]
fn a_mutant_without_its_fault_is_caught_by_nothing() {
    assert_eq!(HARMLESS.caught_by(&Memory, &cases()), Vec::<&str>::new());
}

/// What a sequence of calls, none of them dropped and all in one realm, cannot show.
const BEYOND_THE_MODEL: &[&str] = &["adopts_any_realm", "loses_dropped_receives"];

#[test]
fn the_model_finds_every_mutant_within_its_reach() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    let mut missed = Vec::new();
    for mutant in MUTANTS.iter().filter(|mutant| !BEYOND_THE_MODEL.contains(&mutant.name)) {
        let found = (0..50)
            .find(|seed| runtime.block_on(model::check(&Spoiled::new(Memory, *mutant), *seed)).is_err());
        match found {
            Some(seed) => println!("{}: seed {seed}", mutant.name),
            None => missed.push(mutant.name),
        }
    }
    assert!(missed.is_empty(), "these agree with the model: {missed:?}");
}
