//! Which cases caught which mutant: a list of cases is worth what it catches.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{Case, Fixture, Mutant};

/// Which cases caught which mutant; prints as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught(BTreeMap<&'static str, Vec<&'static str>>);

impl Caught {
    /// Runs every case on every mutant, two mutants at a time.
    ///
    /// # Panics
    /// When two mutants have one name.
    #[must_use]
    pub fn survey<F: Fixture>(
        fixture: &F,
        cases: &[Case<F::Subject>],
        mutants: &[Mutant<F::Subject>],
    ) -> Self {
        let (next, caught) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let work = || {
            while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                let cases = mutant.caught_by(fixture, cases);
                caught.lock().unwrap_or_else(PoisonError::into_inner).insert(mutant.name, cases);
            }
        };
        thread::scope(|scope| {
            scope.spawn(work);
            work();
        });
        let caught = caught.into_inner().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(caught.len(), mutants.len(), "two mutants have one name");
        Self(caught)
    }

    /// The cases that caught this mutant, in the order of the list.
    #[must_use]
    pub fn by(&self, mutant: &str) -> &[&'static str] {
        self.0.get(mutant).map_or(&[], Vec::as_slice)
    }

    /// Demands that each mutant is caught, and that no two are caught by one and the same case
    /// alone: else one of them tests nothing.
    ///
    /// # Panics
    /// When that is not so, with the table.
    pub fn assert_each_is_told_apart(&self) {
        let mut alone = BTreeMap::new();
        for (mutant, cases) in &self.0 {
            match cases[..] {
                [] => panic!("{mutant} is caught by no case\n{self}"),
                [case] => {
                    if let Some(other) = alone.insert(case, mutant) {
                        panic!("{mutant} and {other} are caught by {case} alone\n{self}");
                    }
                }
                _ => {}
            }
        }
    }
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "mutant → the cases that caught it")?;
        for (mutant, cases) in &self.0 {
            writeln!(f, "{mutant:32} {:3}  {}", cases.len(), cases.join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{future, time::Duration};

    use super::*;

    #[derive(Clone, Debug)]
    struct Seven;

    impl Fixture for Seven {
        type Guard = ();
        type Subject = u32;
        const NAME: &'static str = "seven";

        fn exempt(&self, case: &str) -> Option<String> {
            (case == "exempt").then(|| "not promised".to_owned())
        }

        fn deadline(&self) -> Duration {
            Duration::from_millis(200)
        }

        async fn open(&self) -> ((), u32) {
            ((), 7)
        }
    }

    async fn is_seven(subject: u32) {
        assert_eq!(subject, 7);
    }

    async fn ends(subject: u32) {
        if subject == 0 {
            future::pending::<()>().await;
        }
    }

    async fn exempt(_: u32) {
        panic!("an exempt case is not run");
    }

    fn checks_seven() -> Case<u32> {
        Case::new("is_seven", |subject| Box::pin(is_seven(subject)))
    }

    const EIGHT: Mutant<u32> = Mutant::new("eight", |subject| subject + 1);
    const NINE: Mutant<u32> = Mutant::new("nine", |subject| subject + 2);
    const HANGS: Mutant<u32> = Mutant::new("hangs", |_| 0);
    const HARMLESS: Mutant<u32> = Mutant::new("harmless", |subject| subject);

    #[test]
    fn a_panic_and_a_hang_catch_and_an_exempt_case_does_not() {
        let ends = Case::new("ends", |subject| Box::pin(ends(subject)));
        let exempt = Case::new("exempt", |subject| Box::pin(exempt(subject)));
        let caught = Caught::survey(&Seven, &[checks_seven(), ends, exempt], &[EIGHT, HANGS]);
        assert_eq!((caught.by("eight"), caught.by("hangs")), (&["is_seven"][..], &["is_seven", "ends"][..]));
        caught.assert_each_is_told_apart();
    }

    #[test]
    #[should_panic(expected = "harmless is caught by no case")]
    fn a_mutant_that_nothing_catches_is_named() {
        Caught::survey(&Seven, &[checks_seven()], &[EIGHT, HARMLESS]).assert_each_is_told_apart();
    }

    #[test]
    #[should_panic(expected = "nine and eight are caught by is_seven alone")]
    fn two_mutants_of_one_single_case_are_named() {
        Caught::survey(&Seven, &[checks_seven()], &[EIGHT, NINE]).assert_each_is_told_apart();
    }
}
