//! Long random sequences agree with the model; `ENTOURAGE_SEED` replays one.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use entourage_engine::conformance::Fixture;
use entourage_store::conformance::{
    Subject,
    model::{self, Coverage},
};

use crate::fixtures::{Memory, Sqlite};

const LENGTH: usize = 200;
/// Short, so that watches are left behind.
const HISTORY: usize = 24;

/// Runs so many seeds, or the one of `ENTOURAGE_SEED`, and demands that together they met
/// every kind of answer.
fn agrees<F: Fixture<Subject = Subject>>(fixture: &F, seeds: u64) {
    let replayed =
        std::env::var("ENTOURAGE_SEED").ok().map(|seed| seed.parse::<u64>().expect("a seed is a number"));
    let (first, end) = replayed.map_or((0, seeds), |seed| (seed, seed + 1));
    let (next, met) = (AtomicU64::new(first), Mutex::new(Coverage::default()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.expect("a runtime can be built");
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    match runtime.block_on(model::check(fixture, seed, LENGTH)) {
                        Ok(coverage) => met.lock().expect("a failed run ends them all").merge(&coverage),
                        Err(disagreement) => panic!("{}: {disagreement}", F::NAME),
                    }
                }
            });
        }
    });
    let met = met.into_inner().expect("no run failed");
    println!("{}\n{met}", F::NAME);
    for answer in Coverage::ANSWERS {
        assert!(met.count(answer) > 0 || replayed.is_some(), "no run of {} met {answer:?}", F::NAME);
    }
}

#[test]
fn memory_agrees_with_the_model_for_a_thousand_seeds() {
    agrees(&Memory { history: HISTORY }, 1000);
}

#[test]
fn sqlite_agrees_with_the_model_for_fifty_seeds() {
    agrees(&Sqlite { history: HISTORY }, 50);
}

#[cfg(feature = "redis")]
#[test]
fn redis_agrees_with_the_model_for_twenty_five_seeds() {
    if !entourage_testkit::Requirement::from(entourage_testkit::Redis::available()).is_met("redis") {
        return;
    }
    let fixture = crate::fixtures::redis::Shared::with_history(HISTORY);
    agrees(&fixture, 25);
    fixture.stop();
}
