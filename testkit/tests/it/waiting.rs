//! Conditions, temporary directories, random numbers and requirements.

use std::{cell::Cell, fs, path::PathBuf, process::ExitCode, time::Duration};

use entourage_core::{Clock, SystemClock};
use entourage_testkit::{
    Requirement, Rng, Scratch, eventually, eventually_async,
    mimic::{Arguments, Trial, run},
};
use tokio::runtime::Runtime;

use crate::{DEADLINE, message, process::helper, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_condition_is_asked_until_it_holds,
        a_condition_that_does_not_hold_is_named,
        a_condition_is_asked_at_least_once_after_the_deadline,
        a_scratch_directory_is_removed_with_its_contents,
        a_scratch_directory_is_kept_when_its_test_panics,
        two_scratch_directories_are_two,
        the_same_seed_gives_the_same_numbers,
        an_absent_requirement_is_ignored_and_counted,
    ]
}

fn a_condition_is_asked_until_it_holds() {
    let third = |asked: &Cell<u32>| {
        asked.set(asked.get() + 1);
        (asked.get() == 3).then_some("third")
    };
    let asked = Cell::new(0);
    assert_eq!(eventually(DEADLINE, "it is asked three times", || third(&asked)), "third");

    let asked = Cell::new(0);
    let found = eventually_async(DEADLINE, "it is asked three times", async || third(&asked));
    assert_eq!(Runtime::new().expect("a runtime can be built").block_on(found), "third");
}

fn a_condition_that_does_not_hold_is_named() {
    let short = Duration::from_millis(20);
    let begun = SystemClock::new().now();
    let refused = message(|| eventually(short, "pigs fly", || None));
    assert_eq!(refused, "not seen within 20ms: pigs fly");
    assert!(SystemClock::new().now().since(begun) >= short);

    let runtime = Runtime::new().expect("a runtime can be built");
    let wait = || runtime.block_on(eventually_async(short, "pigs swim", async || None));
    let refused = message(wait);
    assert_eq!(refused, "not seen within 20ms: pigs swim");
}

fn a_condition_is_asked_at_least_once_after_the_deadline() {
    assert_eq!(eventually(Duration::ZERO, "it holds already", || Some(1)), 1);
    let until = SystemClock::new().now() + Duration::from_millis(30);
    eventually(Duration::from_millis(30), "it holds at the deadline", || {
        (SystemClock::new().now() >= until).then_some(())
    });
}

fn a_scratch_directory_is_removed_with_its_contents() {
    let scratch = Scratch::new();
    let path = scratch.path().to_owned();
    fs::create_dir(scratch.join("below")).expect("it can be made");
    fs::write(scratch.join("below/file"), "content").expect("it can be written");
    drop(scratch);
    // Somebody may have asked to keep them all.
    assert_eq!(path.exists(), std::env::var_os("ENTOURAGE_KEEP").is_some());
}

fn a_scratch_directory_is_kept_when_its_test_panics() {
    let mut path = PathBuf::new();
    let panicked = message(|| {
        let scratch = Scratch::new();
        scratch.path().clone_into(&mut path);
        panic!("on purpose");
    });
    assert_eq!(panicked, "on purpose");
    fs::remove_dir(path).expect("it was kept");
}

fn two_scratch_directories_are_two() {
    let (one, two) = (Scratch::new(), Scratch::new());
    assert_ne!(one.path(), two.path());
    assert!(one.path().is_dir() && two.path().is_dir());
}

fn the_same_seed_gives_the_same_numbers() {
    // The first outputs of the reference implementation for this seed.
    let mut rng = Rng::new(1_234_567);
    let numbers = [rng.next_u64(), rng.next_u64(), rng.next_u64()];
    assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    assert!((0..1_000).all(|_| (5..8).contains(&rng.between(5..8))));
    assert!((0..1_000).all(|_| rng.shorter_than(Duration::from_millis(2)) < Duration::from_millis(2)));
}

/// The whole life of a process that [`an_absent_requirement_is_ignored_and_counted`] starts.
pub(crate) fn run_requirements() -> ExitCode {
    let absent = Requirement::from(Err("there is none".to_owned()));
    assert_eq!(absent, Requirement::Absent("there is none".to_owned()));
    let is_met = Requirement::from(Ok(())).is_met("air") && !absent.clone().is_met("gills");
    assert!(is_met, "a standard test goes on if it can, and returns if it cannot");
    let trials = vec![
        absent.trial("unicorn", "never_run", || unreachable!("it is absent")),
        Requirement::from(Ok(())).trial("air", "run", || {}),
    ];
    run(&Arguments::default(), trials).exit_code()
}

fn an_absent_requirement_is_ignored_and_counted() {
    let run = |require: &str| {
        let program = helper("requirements").env("ENTOURAGE_REQUIRE", require);
        program.start().wait(DEADLINE)
    };
    for require in ["", "dragon"] {
        let excused = run(require).succeeded();
        assert!(excused.stdout.contains("1 passed; 0 failed; 1 ignored"), "{}", excused.stdout);
        assert!(excused.stdout.contains("unicorn is absent: there is none"), "{}", excused.stdout);
    }
    let refused = run("unicorn");
    assert!(!refused.status.success());
    assert!(refused.stdout.contains("unicorn is required by ENTOURAGE_REQUIRE"), "{}", refused.stdout);
    // The first of the two has asked under the standard harness, which only a panic stops.
    for require in ["gills", "all"] {
        let refused = run(require);
        assert!(!refused.status.success());
        assert!(refused.stderr.contains("gills is required by ENTOURAGE_REQUIRE"), "{}", refused.stderr);
    }
}
