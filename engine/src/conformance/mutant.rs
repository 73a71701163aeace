//! A backend that is wrong on purpose.

use std::{
    fmt,
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
    thread,
    time::Duration,
};

use entourage_core::{SystemClock, timeout};
use tokio::runtime;

use super::{Case, Fixture};

/// The longest that a case is run on a mutant.
const HANG: Duration = Duration::from_secs(10);

/// A subject made wrong on purpose, in one way.
///
/// A kit has a list of them, and a test that each is caught by some case:
///
/// ```
/// use entourage_engine::conformance::{Case, Caught, Fixture, Mutant, cases};
///
/// async fn starts_at_zero(counter: u32) {
///     assert_eq!(counter, 0);
/// }
/// # fn list() -> Vec<Case<u32>> { cases![starts_at_zero] }
/// # #[derive(Clone)] struct Memory;
/// # impl Fixture for Memory {
/// #     type Guard = ();
/// #     type Subject = u32;
/// #     const NAME: &'static str = "memory";
/// #     async fn open(&self) -> ((), u32) { ((), 0) }
/// # }
/// const MUTANTS: &[Mutant<u32>] = &[Mutant::new("starts_late", |counter| counter + 1)];
///
/// let caught = Caught::survey(&Memory, &list(), MUTANTS);
/// assert_eq!(caught.by("starts_late"), ["starts_at_zero"]);
/// caught.assert_each_is_told_apart();
/// ```
pub struct Mutant<S> {
    /// What it does that no backend may.
    pub name: &'static str,
    spoil: fn(S) -> S,
}

impl<S> Mutant<S> {
    /// The mutant of this name, which `spoil` makes of a right subject.
    pub const fn new(name: &'static str, spoil: fn(S) -> S) -> Self {
        Self { name, spoil }
    }

    /// Makes a subject wrong.
    #[must_use]
    pub fn spoil(&self, subject: S) -> S {
        (self.spoil)(subject)
    }
}

impl<S: 'static> Mutant<S> {
    /// The cases that catch it, each run on a fresh subject of `fixture`. A case that the
    /// fixture is exempt from is not run.
    ///
    /// A case has the fixture's deadline, but no more than 10 seconds: one that a wrong backend
    /// keeps busy for longer has caught it. The panics, which are meant, are not printed.
    ///
    /// # Panics
    /// When no thread can be started.
    #[must_use]
    pub fn caught_by<F: Fixture<Subject = S>>(&self, fixture: &F, cases: &[Case<S>]) -> Vec<&'static str> {
        silence();
        let spoiled = Spoiled::new(fixture.clone(), *self);
        let cases: Vec<_> =
            cases.iter().filter(|case| fixture.exempt(case.name()).is_none()).copied().collect();
        let body = move || {
            let caught = cases.iter().filter(|case| fails(&spoiled, case));
            caught.map(Case::name).collect()
        };
        let thread = thread::Builder::new().name(format!("{THREAD} {}", self.name)).spawn(body);
        thread.expect("a thread can be started").join().expect("a failing case is caught")
    }
}

impl<S> Clone for Mutant<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Mutant<S> {}

impl<S> fmt::Debug for Mutant<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutant").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A fixture whose every subject is a mutant.
pub struct Spoiled<F: Fixture> {
    fixture: F,
    mutant: Mutant<F::Subject>,
}

impl<F: Fixture> Spoiled<F> {
    /// The subjects that `fixture` opens, made wrong by `mutant`.
    pub const fn new(fixture: F, mutant: Mutant<F::Subject>) -> Self {
        Self { fixture, mutant }
    }
}

impl<F: Fixture> Clone for Spoiled<F> {
    fn clone(&self) -> Self {
        Self::new(self.fixture.clone(), self.mutant)
    }
}

impl<F: Fixture> fmt::Debug for Spoiled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spoiled").field("mutant", &self.mutant).finish_non_exhaustive()
    }
}

impl<F: Fixture> Fixture for Spoiled<F> {
    type Guard = F::Guard;
    type Subject = F::Subject;
    const NAME: &'static str = "spoiled";

    fn absent(&self) -> Option<String> {
        self.fixture.absent()
    }

    fn exempt(&self, case: &str) -> Option<String> {
        self.fixture.exempt(case)
    }

    fn paused(&self) -> bool {
        self.fixture.paused()
    }

    fn deadline(&self) -> Duration {
        self.fixture.deadline()
    }

    async fn open(&self) -> (F::Guard, F::Subject) {
        let (guard, subject) = self.fixture.open().await;
        (guard, self.mutant.spoil(subject))
    }
}

/// How the names of the threads begin that mutants are run on.
const THREAD: &str = "mutant";

/// Prints no panic of a mutant's thread, nor of one that a case named after its own.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !thread::current().name().is_some_and(|name| name.starts_with(THREAD)) {
                others(panic);
            }
        }));
    });
}

fn fails<F: Fixture>(spoiled: &Spoiled<F>, case: &Case<F::Subject>) -> bool {
    let limit = spoiled.deadline().min(HANG);
    let body = || {
        let mut builder = runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(spoiled.paused()).build();
        runtime.expect("a runtime can be built").block_on(async {
            let (_guard, subject) = spoiled.open().await;
            timeout(&SystemClock::new(), limit, case.run(subject)).await
        })
    };
    !matches!(catch_unwind(AssertUnwindSafe(body)), Ok(Ok(())))
}
