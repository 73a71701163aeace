//! The harness: an absent backend is counted, a panic and a hang are failures.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entourage_engine::conformance::{Case, Fixture, Trial, cases, trials};
use libtest_mimic::{Arguments, Conclusion};

#[derive(Clone, Default)]
struct Backend {
    absent: Option<&'static str>,
    paused: bool,
    dropped: Arc<AtomicBool>,
}

struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Fixture for Backend {
    type Guard = Guard;
    type Subject = u32;
    const NAME: &'static str = "backend";

    fn absent(&self) -> Option<String> {
        self.absent.map(str::to_owned)
    }

    fn exempt(&self, case: &str) -> Option<String> {
        (case == "never_promised").then(|| "not promised".to_owned())
    }

    fn paused(&self) -> bool {
        self.paused
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(500)
    }

    async fn open(&self) -> (Guard, u32) {
        (Guard(self.dropped.clone()), 7)
    }
}

mod topic {
    pub(super) async fn passes(subject: u32) {
        assert_eq!(subject, 7);
        tokio::task::yield_now().await;
    }
}

async fn panics(_: u32) {
    panic!("as it should");
}

async fn hangs(_: u32) {
    std::future::pending::<()>().await;
}

async fn never_promised(_: u32) {
    panic!("an exempt case is not run");
}

async fn waits_a_day(_: u32) {
    let clock = entourage_core::PausedClock::new();
    entourage_core::sleep(&clock, Duration::from_secs(86_400)).await;
}

/// Runs them without a word: failures are expected here.
fn run(trials: Vec<Trial>) -> Conclusion {
    libtest_mimic::run(&Arguments { logfile: Some("/dev/null".to_owned()), ..Arguments::default() }, trials)
}

fn counts(conclusion: &Conclusion) -> (u64, u64, u64) {
    (conclusion.num_passed, conclusion.num_failed, conclusion.num_ignored)
}

#[test]
fn a_panic_and_a_hang_fail_and_the_others_still_run() {
    let list: Vec<Case<u32>> = cases![topic::passes, panics, hangs, never_promised];
    let trials = trials(Backend::default(), list);
    let names: Vec<_> = trials.iter().map(Trial::name).collect();
    assert_eq!(names, ["backend::passes", "backend::panics", "backend::hangs", "backend::never_promised"]);
    assert_eq!(counts(&run(trials)), (1, 2, 1));
}

#[test]
fn an_absent_backend_is_ignored_and_counted() {
    let absent = Backend { absent: Some("BACKEND_URL is not set"), ..Backend::default() };
    // Where everything is required, as in CI, absence is a failure.
    let required = std::env::var("ENTOURAGE_REQUIRE")
        .is_ok_and(|names| names.split(',').any(|name| name.trim() == "all"));
    let expected = if required { (0, 2, 0) } else { (0, 0, 2) };
    assert_eq!(counts(&run(trials(absent, cases![topic::passes, panics]))), expected);
}

#[test]
fn the_guard_is_dropped_after_a_failure_too() {
    let backend = Backend::default();
    assert_eq!(counts(&run(trials(backend.clone(), cases![panics]))), (0, 1, 0));
    assert!(backend.dropped.load(Ordering::Relaxed));
}

#[test]
fn a_paused_backend_waits_a_day_in_no_time() {
    let backend = Backend { paused: true, ..Backend::default() };
    assert_eq!(counts(&run(trials(backend, cases![waits_a_day]))), (1, 0, 0));
}
