//! Long random sequences, compared answer by answer with a queue that is too simple to be wrong.
//!
//! Three clients, each with a handle of its own, call every operation of the three traits, one
//! call at a time, with consumers that come, go and fall silent, and a clock that moves to just
//! before, at and just after deadlines. The same seed is always the same sequence;
//! `ENTOURAGE_SEED` replays one, and `ENTOURAGE_SEEDS` says how many are run.

mod draw;
mod oracle;
mod rng;
mod run;

use std::{
    fmt::Write,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use entourage_engine::conformance::Fixture;
use entourage_queue::conformance::Subject;

use self::{
    draw::Call,
    run::{Coverage, Run},
};
use crate::fixtures::{Memory, Sqlite};

const LENGTH: usize = 200;

/// What all runs together must have met.
const ANSWERS: &[&str] = &[
    "a bundle",
    "a close",
    "a closed receiver",
    "a conflict",
    "a conflict without room",
    "a duplicate",
    "a full topic",
    "a new item",
    "a record",
    "a redrive",
    "a redrive without room",
    "a renewal",
    "a repeated step",
    "a stale renewal",
    "a stale step",
    "a stale step that also conflicts",
    "a step",
    "a step beyond capacity",
    "a step without a receiver",
    "a wait",
    "an empty answer",
    "an unnamed step",
    "dead items",
    "items",
    "leased items",
    "no record",
    "no room",
    "ready items",
    "room",
    "waiting items",
];

/// The nanoseconds of which a queue's times are multiples: Redis tells microseconds.
fn grain<F: Fixture>() -> u64 {
    if F::NAME == "redis" { 1000 } else { 1 }
}

/// What the run of a seed met, or the calls after which the queue and the model part.
pub(crate) async fn check<F>(fixture: &F, seed: u64) -> Result<Coverage, String>
where
    F: Fixture<Subject = Subject>,
{
    let (_guard, subject) = fixture.open().await;
    let mut run = Run::begin(subject.clone(), seed, grain::<F>()).await?;
    let mut calls = Vec::with_capacity(LENGTH);
    while calls.len() < LENGTH {
        let (client, call) = run.draw();
        calls.push((client, call.clone()));
        if let Err(why) = bounded(&subject, run.call(client, call)).await {
            return Err(explain(fixture, seed, calls, why).await);
        }
    }
    Ok(run.coverage)
}

/// Every answer is compared, so no shorter prefix shows what these calls show; but most of
/// them do not matter.
async fn explain<F>(fixture: &F, seed: u64, calls: Vec<(usize, Call)>, mut why: String) -> String
where
    F: Fixture<Subject = Subject>,
{
    let (length, mut kept) = (calls.len(), calls);
    // Passes, until one finds nothing to leave out.
    for _ in 0..5 {
        let before = kept.len();
        for place in (0..kept.len()).rev() {
            let mut fewer = kept.clone();
            if place >= fewer.len() {
                continue;
            }
            fewer.remove(place);
            if let Err((failed, still)) = repeat(fixture, seed, &fewer).await {
                fewer.truncate(failed + 1);
                (kept, why) = (fewer, still);
            }
        }
        if kept.len() == before {
            break;
        }
    }
    let mut text = format!("seed {seed}: the queue and the model part at call {length}; these suffice:\n");
    for (client, call) in &kept {
        writeln!(text, "  client {client}  {call:?}").expect("a string takes all");
    }
    format!("{text}{why}\nreplay it with ENTOURAGE_SEED={seed}")
}

/// Where these calls fail, and why.
async fn repeat<F>(fixture: &F, seed: u64, calls: &[(usize, Call)]) -> Result<(), (usize, String)>
where
    F: Fixture<Subject = Subject>,
{
    let (_guard, subject) = fixture.open().await;
    let mut run = Run::begin(subject.clone(), seed, grain::<F>()).await.map_err(|why| (0, why))?;
    for (place, (client, call)) in calls.iter().enumerate() {
        bounded(&subject, run.call(*client, call.clone())).await.map_err(|why| (place, why))?;
    }
    Ok(())
}

async fn bounded(subject: &Subject, call: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    subject.attempt(call).await.unwrap_or_else(|| Err("the queue does not answer".to_owned()))
}

/// Runs so many seeds, or the one of `ENTOURAGE_SEED`.
pub(crate) fn agrees<F: Fixture<Subject = Subject>>(fixture: &F, seeds: u64) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a seed is a number"));
    let replayed = number("ENTOURAGE_SEED");
    let seeds = number("ENTOURAGE_SEEDS").unwrap_or(seeds);
    let (first, end) = replayed.map_or((0, seeds), |seed| (seed, seed + 1));
    let (next, met) = (AtomicU64::new(first), Mutex::new(Coverage::new()));
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
                    match runtime.block_on(check(fixture, seed)) {
                        Ok(coverage) => {
                            let mut met = met.lock().expect("a failed run ends them all");
                            for (answer, times) in coverage {
                                *met.entry(answer).or_default() += times;
                            }
                        }
                        Err(disagreement) => {
                            next.store(end, Ordering::Relaxed);
                            panic!("{}: {disagreement}", F::NAME);
                        }
                    }
                }
            });
        }
    });
    let met = met.into_inner().expect("no run failed");
    println!("{}: {met:?}", F::NAME);
    for answer in ANSWERS {
        assert!(met.contains_key(answer) || replayed.is_some(), "no run of {} met {answer:?}", F::NAME);
    }
}

#[test]
fn memory_agrees_with_the_model_for_a_thousand_seeds() {
    agrees(&Memory, 1000);
}

#[test]
fn sqlite_agrees_with_the_model_for_fifty_seeds() {
    agrees(&Sqlite, 50);
}
