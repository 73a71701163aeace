//! What a run came across, so that a sequence that tests nothing is noticed.

use std::{collections::BTreeMap, fmt};

/// How often each call had each kind of answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Coverage {
    /// Every call of the trait with every kind of answer that a sequence may meet.
    pub const ANSWERS: &'static [&'static str] = &[
        "get: found",
        "get: absent",
        "list: whole",
        "list: cut",
        "list: invalid",
        "transact: applied",
        "transact: applied without a change",
        "transact: refused",
        "transact: invalid",
        "transact: foreign realm",
        "transact: session lost",
        "swap: swapped",
        "swap: differs",
        "swap: missing",
        "session: opened",
        "resume: resumed",
        "resume: session lost",
        "resume: foreign realm",
        "renew: renewed",
        "renew: session lost",
        "end: ended",
        "end: lost before",
        "expiry: with keys",
        "watch: after a version",
        "watch: from now on",
        "watch: after a position",
        "next: put",
        "next: delete",
        "next: resync",
    ];

    pub(crate) fn note(&mut self, answer: &'static str) {
        debug_assert!(Self::ANSWERS.contains(&answer), "{answer} is listed");
        *self.0.entry(answer).or_default() += 1;
    }

    /// How often this was met.
    #[must_use]
    pub fn count(&self, answer: &str) -> u64 {
        self.0.get(answer).copied().unwrap_or(0)
    }

    /// Takes in what another run came across.
    pub fn merge(&mut self, other: &Self) {
        for (answer, count) in &other.0 {
            *self.0.entry(answer).or_default() += count;
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for answer in Self::ANSWERS {
            writeln!(f, "{:10}  {answer}", self.count(answer))?;
        }
        Ok(())
    }
}
