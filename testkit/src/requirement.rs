//! What a test needs of the machine.

use std::env;

use libtest_mimic::{Completion, Trial};

/// Whether this machine can do what a test needs.
///
/// Both answers are counted: a test whose requirement is absent is *ignored* with the reason,
/// and fails instead if `ENTOURAGE_REQUIRE` names the requirement or says `all`, so that green
/// cannot mean "not run".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// It can.
    Met,
    /// It cannot, for this reason.
    Absent(String),
}

impl Requirement {
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
        let required = is_required(need, env::var("ENTOURAGE_REQUIRE").ok().as_deref());
        Trial::ignorable_test(name, move || match self {
            Self::Met => {
                body();
                Ok(Completion::Completed)
            }
            Self::Absent(why) if required => {
                Err(format!("{need} is required by ENTOURAGE_REQUIRE, but absent: {why}").into())
            }
            Self::Absent(why) => Ok(Completion::ignored_with(format!("{need} is absent: {why}"))),
        })
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

fn is_required(need: &str, list: Option<&str>) -> bool {
    list.is_some_and(|list| list.split(',').map(str::trim).any(|name| name == need || name == "all"))
}

#[cfg(test)]
mod tests {
    use super::is_required;

    #[test]
    fn absence_is_excused_unless_the_need_or_all_are_required() {
        assert!(!is_required("power-loss", None));
        assert!(!is_required("power-loss", Some("redis, full-disk")));
        assert!(is_required("power-loss", Some("redis, power-loss")));
        assert!(is_required("power-loss", Some("all")));
    }
}
