//! What is run, on which queue.

use std::{env, time::Duration};

use entourage_testkit::{Redis, Requirement, Rng, mimic::Trial};

use crate::{
    DEADLINE, condemned,
    counts::Counts,
    fault::Faults,
    run::{Engine, Run},
    sink::Flaw,
};

/// All of it.
pub(crate) fn all() -> Vec<Trial> {
    let mut rng = Rng::from_env();
    let mut on = |engine: Engine, need: Requirement| {
        let rng = Rng::new(rng.next_u64());
        let name = format!("{engine:?}").to_lowercase();
        need.trial("redis", &format!("{name}::{NAME}"), move || {
            q1_q2_nothing_is_lost_done_twice_or_done_and_dead_whoever_dies(engine, rng);
        })
    };
    // The longest first.
    let mut trials = vec![
        on(Engine::Redis, Requirement::from(Redis::available())),
        on(Engine::Sqlite, Requirement::Met),
        on(Engine::Memory, Requirement::Met),
    ];
    let plain = |(name, body): (&'static str, fn())| {
        Trial::test(name, move || {
            body();
            Ok(())
        })
    };
    let flawed: [(&str, fn()); 2] = [
        ("a_sink_that_checks_no_fence_is_condemned", a_sink_that_checks_no_fence_is_condemned),
        ("a_sink_that_forgets_effects_is_condemned", a_sink_that_forgets_effects_is_condemned),
    ];
    trials.extend(flawed.into_iter().chain(condemned::trials()).map(plain));
    trials
}

const NAME: &str = "q1_q2_nothing_is_lost_done_twice_or_done_and_dead_whoever_dies";

fn run(engine: Engine) -> Run {
    let is_memory = engine == Engine::Memory;
    let is_long = env::var_os("ENTOURAGE_LONG").is_some() && !is_memory;
    let restarts = if is_memory { 0 } else { 1 + usize::from(is_long) };
    let faults = match is_long {
        true => Faults { workers: 400, producers: 100, zombies: 100, restarts },
        false => Faults { workers: 18, producers: 6, zombies: 6, restarts },
    };
    Run {
        engine,
        items: if is_long { items_of_the_long_form() } else { 20_000 },
        faults,
        // A task that is dropped gives back what it has: it cannot be killed by an item.
        killers: if is_memory { 0 } else { 2 },
        lease: Duration::from_millis(if is_memory { 700 } else { 1_500 }),
        workers: 5,
        deadline: if is_long { DEADLINE * 20 } else { DEADLINE * 2 },
        flaw: Flaw::None,
    }
}

/// A million, unless `ENTOURAGE_HISTORIES_ITEMS` says another number.
fn items_of_the_long_form() -> u64 {
    env::var("ENTOURAGE_HISTORIES_ITEMS").ok().and_then(|items| items.parse().ok()).unwrap_or(1_000_000)
}

/// Enough must have happened for the verdict to mean something.
fn q1_q2_nothing_is_lost_done_twice_or_done_and_dead_whoever_dies(engine: Engine, rng: Rng) {
    let run = run(engine);
    let counts = match run.judged(rng) {
        Ok(counts) => counts,
        Err(breaches) => {
            panic!("{engine:?}: {} promises broken:\n{}", breaches.number, breaches.first.join("\n"))
        }
    };
    let Counts { accepted, done, dead, kills, zombies, restarts, .. } = counts;
    assert_eq!((accepted, done + dead), (run.items, run.items), "{counts}");
    assert!(dead >= run.items / 200 + run.killers, "poison is not dead: {counts}");
    let (wanted, stopped) = (run.faults.workers + run.faults.producers, run.faults.zombies as u64);
    assert!(
        kills >= wanted as u64 * 5 / 6
            && zombies >= stopped * 5 / 6
            && restarts == run.faults.restarts as u64,
        "too little happened: {counts}"
    );
    assert!(
        counts.refused > 0 && counts.kept_out > 0 && counts.duplicates() > 0,
        "no zombie acted: {counts}"
    );
}

fn flawed(flaw: Flaw) -> Vec<String> {
    let faults = Faults { workers: 2, producers: 0, zombies: 6, restarts: 0 };
    let run = Run { items: 4_000, faults, lease: Duration::from_millis(400), flaw, ..run(Engine::Memory) };
    run.judged(Rng::new(7)).expect_err("it is no good").first
}

fn a_sink_that_checks_no_fence_is_condemned() {
    let first = flawed(Flaw::ChecksNoFence);
    let is_meant = |breach: &String| breach.contains("let in again") || breach.ends_with("is done and dead");
    assert!(first.iter().any(is_meant), "{first:?}");
}

fn a_sink_that_forgets_effects_is_condemned() {
    let first = flawed(Flaw::ForgetsEffects);
    assert!(first.iter().any(|breach| breach.contains("is lost")), "{first:?}");
}
