//! The search for an order that explains a register.

use std::collections::HashSet;

use serde_json::Value;

use crate::history::Op;

/// An operation that happened, or may have.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) op: Op,
    /// Its place among all events.
    pub(super) asked: usize,
    /// The place of the answer; `None` if it may have happened at any later time, or never.
    pub(super) answered: Option<usize>,
    /// What a read saw.
    pub(super) seen: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Order,
    None { explained: usize },
    GaveUp,
}

/// Which calls have been placed: a bit each.
type Placed = Vec<u64>;

fn holds(placed: &Placed, call: usize) -> bool {
    placed[call / 64] >> (call % 64) & 1 == 1
}

fn with(placed: &Placed, call: usize) -> Placed {
    let mut placed = placed.clone();
    placed[call / 64] |= 1 << (call % 64);
    placed
}

/// Searches for an order of `calls`, which are in the order of their questions.
pub(super) fn search(calls: &[Call], most_states: usize) -> Found {
    let mut values = Values::default();
    let steps: Vec<Step> = calls.iter().map(|call| values.step(call)).collect();
    let certain = calls.iter().filter(|call| call.answered.is_some()).count();
    let start = (vec![0; calls.len().div_ceil(64)], Values::NULL);
    let mut seen = HashSet::from([start.clone()]);
    let mut stack = vec![(start, 0)];
    let mut explained = 0;
    while let Some(((placed, value), done)) = stack.pop() {
        explained = explained.max(done);
        if done == certain {
            return Found::Order;
        }
        // Nothing may be placed that was asked after another, still unplaced, was answered.
        let unplaced = || (0..calls.len()).filter(|call| !holds(&placed, *call));
        let horizon = unplaced().filter_map(|call| calls[call].answered).min().unwrap_or(usize::MAX);
        for call in unplaced().take_while(|call| calls[*call].asked < horizon) {
            let Some(value) = steps[call].apply(value) else { continue };
            let next = (with(&placed, call), value);
            if seen.len() >= most_states {
                return Found::GaveUp;
            }
            if seen.insert(next.clone()) {
                stack.push((next, done + usize::from(calls[call].answered.is_some())));
            }
        }
    }
    Found::None { explained }
}

/// An operation on numbered values, which are cheap to compare.
#[derive(Clone, Copy, Debug)]
enum Step {
    Read(usize),
    Write(usize),
    Cas(usize, usize),
}

impl Step {
    /// What stands there afterwards; `None` if it cannot have happened now.
    fn apply(self, value: usize) -> Option<usize> {
        match self {
            Self::Read(seen) => (seen == value).then_some(value),
            Self::Write(new) => Some(new),
            Self::Cas(old, new) => (old == value).then_some(new),
        }
    }
}

#[derive(Debug, Default)]
struct Values {
    known: Vec<Value>,
}

impl Values {
    const NULL: usize = 0;

    fn number(&mut self, value: &Value) -> usize {
        if value.is_null() {
            return Self::NULL;
        }
        let place = self.known.iter().position(|known| known == value).unwrap_or_else(|| {
            self.known.push(value.clone());
            self.known.len() - 1
        });
        place + 1
    }

    fn step(&mut self, call: &Call) -> Step {
        match &call.op {
            Op::Read { .. } => Step::Read(self.number(call.seen.as_ref().unwrap_or(&Value::Null))),
            Op::Write { v, .. } => Step::Write(self.number(v)),
            Op::Cas { old, new, .. } => Step::Cas(self.number(old), self.number(new)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_grows_too_large_is_given_up() {
        let write = |n: usize| Call {
            op: Op::Write { k: "x".to_owned(), v: n.into() },
            asked: n,
            answered: None,
            seen: None,
        };
        let mut calls: Vec<Call> = (0..20).map(write).collect();
        let op = Op::Read { k: "x".to_owned() };
        calls.push(Call { op, asked: 20, answered: Some(21), seen: Some("never written".into()) });
        assert_eq!(search(&calls, 1_000), Found::GaveUp);
    }
}
