//! Runs one list of cases over every backend of a trait.
//!
//! The suites of `entourage-store` and `entourage-queue` are lists of cases over this
//! harness; whoever writes a backend of its own runs the same list by one [`Fixture`]:
//!
//! ```
//! use entourage_engine::conformance::{Case, Fixture, cases, trials};
//!
//! // A kit: what every counter promises. A function that is not listed is dead code.
//! async fn starts_at_zero(counter: u32) {
//!     assert_eq!(counter, 0);
//! }
//! fn list() -> Vec<Case<u32>> {
//!     cases![starts_at_zero]
//! }
//!
//! // A backend: how a fresh subject is opened, and what cleans up after it.
//! #[derive(Clone)]
//! struct Memory;
//! impl Fixture for Memory {
//!     type Guard = ();
//!     type Subject = u32;
//!     const NAME: &'static str = "memory";
//!     async fn open(&self) -> ((), u32) {
//!         ((), 0)
//!     }
//! }
//!
//! // tests/conformance.rs, with `harness = false`, ends in `conformance::main(trials)`.
//! let trials = trials(Memory, list());
//! assert_eq!(trials[0].name(), "memory::starts_at_zero");
//! ```
//!
//! Each case has a current-thread runtime of its own on a thread of its own. A panic fails
//! it, and so does a deadline of wall time, so that a hang names its case. A backend that
//! is absent has its cases *ignored and counted*; `ENTOURAGE_REQUIRE` (a comma-separated
//! list of backends, or `all`) turns absence into failure.
//!
//! What every kit needs beside its cases is here too: [`ManualClock`], time that a case moves,
//! for backends that live by a clock they are given; [`Patience`](patience::Patience), how long a case waits for
//! what must come; and [`Mutant`], a backend that is wrong on purpose, by which the list itself
//! is tested.

mod case;
mod caught;
mod clock;
mod mutant;
pub mod patience;

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use libtest_mimic::{Arguments, Completion, Failed};
use tokio::runtime;

#[doc(inline)]
pub use crate::__conformance_cases as cases;
pub use libtest_mimic::Trial;

pub use self::{
    case::{Case, Run},
    caught::Caught,
    clock::ManualClock,
    mutant::{Mutant, Spoiled},
};

/// One backend, as the cases meet it.
pub trait Fixture: Clone + Send + Sync + 'static {
    /// Cleans up in its `Drop`, after the case's runtime has ended.
    type Guard;
    /// What a case is given: fresh and empty.
    type Subject: 'static;
    /// The backend's name: `redis` makes the test `redis::stale_version_conflicts`.
    const NAME: &'static str;

    /// Why the backend cannot be had here, such as `ENTOURAGE_REDIS_URL is not set`.
    fn absent(&self) -> Option<String> {
        None
    }

    /// Why this backend never promised what `case` checks; ignored and counted then.
    fn exempt(&self, case: &str) -> Option<String> {
        let _ = case;
        None
    }

    /// Whether tokio's time stands still and advances by itself when all tasks wait.
    ///
    /// Only for backends without threads or sockets: waiting for one of those looks idle
    /// to the runtime, which then skips ahead.
    fn paused(&self) -> bool {
        false
    }

    /// How long a case may take by the wall clock, `open` included.
    fn deadline(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// A fresh, empty subject. Runs inside the case's runtime; may panic.
    fn open(&self) -> impl Future<Output = (Self::Guard, Self::Subject)>;
}

/// Every case on one backend.
pub fn trials<F: Fixture>(fixture: F, cases: Vec<Case<F::Subject>>) -> Vec<Trial> {
    let required = is_required(F::NAME, std::env::var("ENTOURAGE_REQUIRE").ok().as_deref());
    let trial = |case: Case<F::Subject>| {
        let fixture = fixture.clone();
        let name = format!("{}::{}", F::NAME, case.name());
        Trial::ignorable_test(name.clone(), move || match (fixture.absent(), fixture.exempt(case.name())) {
            (Some(why), _) if required => {
                Err(format!("required by ENTOURAGE_REQUIRE, but absent: {why}").into())
            }
            (Some(why), _) | (None, Some(why)) => Ok(Completion::ignored_with(why)),
            (None, None) => bounded(fixture, name, case),
        })
    };
    cases.into_iter().map(trial).collect()
}

/// Runs the trials as the command line asks; the `main` of a test with `harness = false`.
///
/// Without `--test-threads`, more cases run at a time than there are cores: one that waits for
/// a disk, a server or real time to pass costs no core meanwhile.
#[must_use]
pub fn main(trials: impl IntoIterator<Item = Vec<Trial>>) -> ExitCode {
    let trials = trials.into_iter().flatten().collect();
    let mut arguments = Arguments::from_args();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert_with(|| cores.max(AT_A_TIME));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Cases that run at a time, on a machine with fewer cores.
const AT_A_TIME: usize = 16;

fn is_required(backend: &str, list: Option<&str>) -> bool {
    list.is_some_and(|list| list.split(',').map(str::trim).any(|name| name == backend || name == "all"))
}

/// Waits for the case on a thread that a hang can be left behind on.
fn bounded<F: Fixture>(fixture: F, name: String, case: Case<F::Subject>) -> Result<Completion, Failed> {
    let deadline = fixture.deadline();
    let (answer, answered) = mpsc::sync_channel(1);
    let body = move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| isolated(&fixture, &case)));
        // Nobody listens any more when the deadline has passed.
        let _ = answer.send(outcome.map_err(|panic| message(panic.as_ref())));
    };
    thread::Builder::new().name(name).spawn(body)?;
    match answered.recv_timeout(deadline) {
        Ok(Ok(())) => Ok(Completion::Completed),
        Ok(Err(panic)) => Err(panic.into()),
        Err(RecvTimeoutError::Timeout) => Err(format!("still running after {deadline:?}").into()),
        Err(RecvTimeoutError::Disconnected) => Err("the case's thread ended without an answer".into()),
    }
}

/// A runtime of its own: tasks that the case left behind end with it, before the guard.
fn isolated<F: Fixture>(fixture: &F, case: &Case<F::Subject>) {
    let _guard; // Declared before the runtime, hence dropped after it, in a panic too.
    let mut builder = runtime::Builder::new_current_thread();
    let runtime =
        builder.enable_all().start_paused(fixture.paused()).build().expect("a runtime can be built");
    let (guard, subject) = runtime.block_on(fixture.open());
    _guard = guard;
    runtime.block_on(case.run(subject));
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::is_required;

    #[test]
    fn absence_is_excused_unless_the_backend_or_all_are_required() {
        assert!(!is_required("redis", None));
        assert!(!is_required("redis", Some("etcd, kafka")));
        assert!(is_required("redis", Some("etcd, redis")));
        assert!(is_required("redis", Some("all")));
    }
}
