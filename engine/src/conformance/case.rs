//! One sentence that may be false, and the function that finds out.

use std::{fmt, future::Future, pin::Pin};

/// A case's run. It never leaves its thread, so it need not be `Send`.
pub type Run = Pin<Box<dyn Future<Output = ()>>>;

/// One sentence that may be false, and the function that finds out.
pub struct Case<S> {
    name: &'static str,
    run: fn(S) -> Run,
}

impl<S> Case<S> {
    /// The case that `run` checks; of a path only the last part is its name. See [`cases!`](super::cases).
    #[must_use]
    pub fn new(path: &'static str, run: fn(S) -> Run) -> Self {
        let name = path.rsplit("::").next().unwrap_or(path).trim();
        Self { name, run }
    }

    /// The function's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks a fresh subject; a panic says what is wrong.
    #[must_use = "a case checks nothing until its run is awaited"]
    pub fn run(&self, subject: S) -> Run {
        (self.run)(subject)
    }
}

impl<S> Clone for Case<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Case<S> {}

impl<S> fmt::Debug for Case<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A list of [`Case`]s from the paths of `async fn(Subject)`, each named once.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($($($part:ident)::+),* $(,)?) => {
        vec![$($crate::conformance::Case::new(
            stringify!($($part)::+),
            |subject| ::std::boxed::Box::pin($($part)::+(subject)),
        )),*]
    };
}
