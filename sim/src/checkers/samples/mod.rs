//! Histories that a checker must accept or reject: a checker counts only with those.

mod fences;
mod queue;
mod registers;

pub use self::{
    fences::{fence_samples, grant_samples},
    queue::{queue_samples, repeat_samples},
    registers::register_samples,
};
use crate::history::{Event, History, Malformed};

/// A history that a checker must accept or reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// What happened.
    pub says: &'static str,
    /// The events, one JSON object a line.
    pub lines: &'static str,
    /// The rule that it breaks, as the checker's error is called; `None` if it is right.
    pub breaks: Option<&'static str>,
}

impl Sample {
    const fn right(says: &'static str, lines: &'static str) -> Self {
        Self { says, lines, breaks: None }
    }

    const fn wrong(rule: &'static str, says: &'static str, lines: &'static str) -> Self {
        Self { says, lines, breaks: Some(rule) }
    }

    /// The events.
    ///
    /// # Errors
    /// [`Malformed`] never: the samples of this crate are of the schema.
    pub fn events(&self) -> Result<Vec<Event>, Malformed> {
        History::parse(self.lines)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Debug};

    use super::*;
    use crate::checkers::{
        BrokenFence, BrokenQueue, BrokenRegister, Effects, check_effects, check_fences, check_grants,
        check_registers,
    };

    /// The names of a checker's rules; one that is missing here does not compile.
    macro_rules! rules {
        ($broken:ident: $($rule:ident)*) => {{
            let _: fn(&$broken) = |broken| match broken { $($broken::$rule { .. } => {})* };
            BTreeSet::from([$(stringify!($rule)),*])
        }};
    }

    /// Demands that each sample is accepted, or rejected for its reason; says which reasons there were.
    fn judge<E: Debug>(
        samples: &[Sample],
        check: impl Fn(&[Event]) -> Result<(), E>,
    ) -> BTreeSet<&'static str> {
        for sample in samples {
            let verdict = check(&sample.events().unwrap());
            let broken = verdict.as_ref().err().map(|broken| format!("{broken:?}"));
            let rule = broken.as_ref().map(|broken| broken.split([' ', '{']).next().unwrap_or_default());
            assert_eq!(rule, sample.breaks, "{}: {verdict:?}", sample.says);
        }
        samples.iter().filter_map(|sample| sample.breaks).collect()
    }

    #[test]
    fn each_rule_of_registers_rejects_a_sample() {
        let mut rules = rules!(BrokenRegister: NotLinearizable Undecided Malformed);
        // A search that was given up has rejected nothing; it is tested beside the search.
        rules.remove("Undecided");
        assert_eq!(judge(&register_samples(), check_registers), rules);
    }

    #[test]
    fn each_rule_of_fences_and_grants_rejects_a_sample() {
        let mut broken = judge(&fence_samples(), check_fences);
        broken.append(&mut judge(&grant_samples(), check_grants));
        let rules = rules!(BrokenFence: NotAbove Overtaken Stale NeverGranted Stolen Overlap);
        assert_eq!(broken, rules);
    }

    #[test]
    fn each_rule_of_queues_rejects_a_sample() {
        let mut broken = judge(&queue_samples(), |events| check_effects(events, Effects::Once));
        broken.append(&mut judge(&repeat_samples(), |events| check_effects(events, Effects::Repeated)));
        let rules = rules!(BrokenQueue:
            Lost DoneAndDead Phantom SettledTwice EffectTwice Unexplained OutOfOrder NeverStarted);
        assert_eq!(broken, rules);
    }

    #[test]
    fn an_issuer_accepts_no_token_below_one_that_it_granted() {
        let stale = grant_samples().iter().find(|sample| sample.breaks.is_some()).unwrap().events().unwrap();
        assert!(check_fences(&stale).is_ok() && check_grants(&stale).is_err());
    }
}
