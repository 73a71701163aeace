//! Locks and elections under seeded faults: tens of thousands of histories, judged from outside.
//!
//! Each seed draws a cast of three contenders or more, and what befalls them. A judge that the store itself
//! tells of every grant, release and guarded write looks whether a promise is broken:
//!
//! * E1, E5: who is told that it owns was granted this epoch, first in the queue, and nobody else
//!   was ever told so; sessions' fences increase too.
//! * E2: neither the store nor a sink takes a write of a former owner, of which some arrive late.
//! * E3: at each grant no other believes, by its own clock, and nobody is told that it holds after another was
//!   granted, where clocks are at most a third apart and none stands still.
//! * E4: no release arrives at the store while the guarded work runs.
//! * E6: everybody owns in the end, and nobody gives up.
//! * E7: nobody claims who is not first.
//!
//! Observers see leaders in the order in which they led.
//!
//! `ENTOURAGE_SEED=<seed>` replays one and prints its trace; `ENTOURAGE_LONG=1` tells 1,000,000 histories
//! instead of 50,000. `--seeds N --from S` tells others, and `--planted [FAULT]` plants each fault
//! in turn, or one, if the build has `--features entourage-core/planted`.

mod audited;
mod cast;
mod contender;
mod disk;
mod drive;
mod faulty;
mod history;
mod judge;
mod tally;

use std::{env, process::ExitCode, time::Duration};

use entourage_testkit::mimic::{self, Arguments, Trial};

use crate::{cast::Cast, drive::Totals};

const NAME: &str = "printer";
const FENCE_KEY: &str = "fence/printer";
/// What the store guards.
const DOCUMENT: &str = "document";
/// Held for 1.5 seconds, renewed at two thirds of one; another is granted at 2.
const TTL: Duration = Duration::from_secs(2);

/// The first histories are a test of their own, which each planted fault turns red.
const FIRST: u64 = 3_000;
const ALL: u64 = 50_000;
const ALL_LONG: u64 = 1_000_000;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let value = |flag: &str| {
        let place = words.iter().position(|word| word == flag)?;
        Some(words.get(place + 1).map(String::as_str).unwrap_or_default())
    };
    if value("--probe").is_some() {
        faulty::probe();
        return ExitCode::SUCCESS;
    }
    if let Some(fault) = value("--planted") {
        let all = faulty::find_all(Some(fault).filter(|fault| !fault.is_empty()));
        return if all { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let number = |flag: &str| value(flag).map(|text| text.parse::<u64>().expect("a number follows the flag"));
    if let (Some(seeds), from) = (number("--seeds"), number("--from").unwrap_or(0)) {
        return told(drive::run(from, seeds));
    }
    if let Ok(seed) = env::var("ENTOURAGE_SEED") {
        return replay(seed.parse().expect("ENTOURAGE_SEED is a seed, a number below 2^64"));
    }
    let mut arguments = Arguments::from_args();
    // Each of them takes all processors.
    arguments.test_threads = Some(1);
    let all = if env::var_os("ENTOURAGE_LONG").is_some() { ALL_LONG } else { ALL };
    let trial = |name: &str, from, count| {
        Trial::test(name, move || {
            let totals = drive::run(from, count)?;
            println!("{totals}");
            drive::assert_floors(&totals);
            Ok(())
        })
    };
    // Few seeds are skipped for being too small, so the two do not meet.
    let trials = vec![
        trial("e1_to_e7_hold_in_the_first_histories", 0, FIRST),
        trial("e1_to_e7_hold_in_all_other_histories", FIRST * 2, all - FIRST),
    ];
    mimic::run(&arguments, trials).exit_code()
}

fn told(run: Result<Totals, drive::Failure>) -> ExitCode {
    match run {
        Ok(totals) => {
            println!("{totals}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn replay(seed: u64) -> ExitCode {
    println!("seed {seed}: {}", Cast::of(seed));
    let tale = history::tell(seed, true);
    print!("{}", tale.trace);
    println!("{:?}, {} calls, {} faults", tale.counts, tale.coverage.made(), tale.faults());
    match tale.broken {
        Some(broken) => {
            println!("{broken}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}
