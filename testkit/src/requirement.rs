//! What a test needs of the machine.

use std::env;

use libtest_mimic::{Completion, Trial};

use crate::tool;

/// Whether this machine can do what a test needs.
///
/// Both answers are counted: a test whose requirement is absent is *ignored* with the reason,
/// and fails instead if `ENTOURAGE_REQUIRE` names the requirement or says `all`, so that green
/// cannot mean "not run". What has to be fetched from elsewhere is required only by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// It can.
    Met,
    /// It cannot, for this reason.
    Absent(String),
    /// It could not fetch what it needs, for this reason.
    Unfetched(String),
}

impl Requirement {
    /// That this machine has a program, in the path or where the administrator's are.
    ///
    /// ```
    /// use entourage_testkit::Requirement;
    ///
    /// assert_eq!(Requirement::program("sh"), Requirement::Met);
    /// ```
    #[must_use]
    pub fn program(name: &str) -> Self {
        match tool::find(name) {
            Some(_) => Self::Met,
            None => Self::Absent(format!("{name} is not installed")),
        }
    }

    /// A test `name` that runs `body` only if the requirement called `need` is met.
    ///
    /// ```
    /// use entourage_testkit::{Disk, Requirement};
    ///
    /// let trial = Requirement::from(Disk::available()).trial("power-loss", "nothing_is_lost", || {});
    /// assert_eq!(trial.name(), "nothing_is_lost");
    /// ```
    #[must_use]
    pub fn trial(self, need: &'static str, name: &str, body: impl FnOnce() + Send + 'static) -> Trial {
        let is_required = match &self {
            Self::Unfetched(_) => is_named(need),
            _ => is_required(need),
        };
        Trial::ignorable_test(name, move || match self {
            Self::Met => {
                body();
                Ok(Completion::Completed)
            }
            Self::Absent(why) | Self::Unfetched(why) if is_required => Err(refusal(need, &why).into()),
            Self::Absent(why) | Self::Unfetched(why) => {
                Ok(Completion::ignored_with(format!("{need} is absent: {why}")))
            }
        })
    }

    /// Whether a test under the standard harness can go on; if not, it returns.
    ///
    /// That harness cannot be told to ignore a test that has begun: it counts as passed, with
    /// the reason in its output. Where it can be had, [`Requirement::trial`] is better.
    ///
    /// # Panics
    /// If the requirement called `need` is absent and required.
    #[must_use = "a test whose requirement is absent returns"]
    #[track_caller]
    pub fn is_met(self, need: &str) -> bool {
        let (why, is_required) = match self {
            Self::Met => return true,
            Self::Absent(why) => (why, is_required(need)),
            Self::Unfetched(why) => (why, is_named(need)),
        };
        assert!(!is_required, "{}", refusal(need, &why));
        eprintln!("ignored: {need} is absent: {why}");
        false
    }
}

impl From<Result<(), String>> for Requirement {
    fn from(available: Result<(), String>) -> Self {
        match available {
            Ok(()) => Self::Met,
            Err(why) => Self::Absent(why),
        }
    }
}

fn refusal(need: &str, why: &str) -> String {
    format!("{need} is required by ENTOURAGE_REQUIRE, but absent: {why}")
}

fn is_required(need: &str) -> bool {
    is_named(need) || is_named("all")
}

fn is_named(need: &str) -> bool {
    names(env::var("ENTOURAGE_REQUIRE").ok().as_deref(), need)
}

/// Whether the list of `ENTOURAGE_REQUIRE` names this need.
fn names(list: Option<&str>, need: &str) -> bool {
    list.is_some_and(|list| list.split(',').map(str::trim).any(|name| name == need))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_list_names_what_stands_in_it() {
        assert!(!names(None, "power-loss"));
        assert!(!names(Some("redis, full-disk"), "power-loss"));
        assert!(names(Some("redis, power-loss"), "power-loss"));
        assert!(names(Some("all"), "all") && !names(Some("all"), "power-loss"));
    }
}
