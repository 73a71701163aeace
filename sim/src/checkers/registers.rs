//! Whether what clients saw of a store could have happened in one order.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    checkers::search::{Call, Found, search},
    history::{Event, Op, What},
};

/// Why a history of registers is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenRegister {
    /// No order of the operations on this key explains what its clients saw.
    #[error(
        "what was seen of {key:?} did not happen in any order; {explained} of {calls} operations could be placed"
    )]
    NotLinearizable {
        /// The key.
        key: String,
        /// The most operations that some order explains.
        explained: usize,
        /// How many there are.
        calls: usize,
    },
    /// The search was given up: too many operations with an unknown outcome at once.
    #[error("whether {key:?} is linearizable was not decided within {states} states")]
    Undecided {
        /// The key.
        key: String,
        /// The bound.
        states: usize,
    },
    /// An answer without a question, or a second question before the answer.
    #[error("{p:?} {why}")]
    Malformed {
        /// The client.
        p: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// States of the search for one key, beyond which it is given up.
const MOST_STATES: usize = 1_000_000;

/// Whether each register could have taken one operation at a time, each somewhere between its
/// question and its answer.
///
/// Linearizability (Herlihy and Wing, 1990), decided key by key with the search of Wing and
/// Gong (1993) and Lowe's memory of states that were seen ("Testing for linearizability",
/// 2017). A register begins as null. An operation without an answer, or with `info`, may have
/// happened at any time after its question, or never.
///
/// # Errors
/// The first key that is wrong.
///
/// # Examples
/// ```
/// use entourage_sim::{History, check_registers};
///
/// let stale_read = History::parse(r#"
/// {"t":1,"e":"invoke","p":"a","op":"w","k":"x","v":1}
/// {"t":2,"e":"ok","p":"a"}
/// {"t":3,"e":"invoke","p":"b","op":"r","k":"x"}
/// {"t":4,"e":"ok","p":"b","v":null}
/// "#)?;
/// assert!(check_registers(&stale_read).is_err());
/// # Ok::<(), entourage_sim::Malformed>(())
/// ```
pub fn check_registers(events: &[Event]) -> Result<(), BrokenRegister> {
    for (key, calls) in calls(events)? {
        match search(&calls, MOST_STATES) {
            Found::Order => {}
            Found::None { explained } => {
                return Err(BrokenRegister::NotLinearizable { key, explained, calls: calls.len() });
            }
            Found::GaveUp => return Err(BrokenRegister::Undecided { key, states: MOST_STATES }),
        }
    }
    Ok(())
}

/// The operations on each key that happened or may have.
fn calls(events: &[Event]) -> Result<BTreeMap<String, Vec<Call>>, BrokenRegister> {
    let mut open: BTreeMap<&str, (usize, &Op)> = BTreeMap::new();
    let mut calls: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    let mut close = |op: &Op, asked: usize, answered: Option<usize>, seen: Option<Value>| {
        let call = Call { op: op.clone(), asked, answered, seen };
        // A read that saw nothing that we know of explains and constrains nothing.
        if answered.is_some() || !matches!(op, Op::Read { .. }) {
            calls.entry(op.key().to_owned()).or_default().push(call);
        }
    };
    for (place, event) in events.iter().enumerate() {
        let (What::Ok { p, .. } | What::Fail { p } | What::Info { p } | What::Invoke { p, .. }) = &event.what
        else {
            continue;
        };
        let malformed = |why| BrokenRegister::Malformed { p: p.clone(), why };
        if let What::Invoke { op, .. } = &event.what {
            if open.insert(p, (place, op)).is_some() {
                return Err(malformed("asks again before it is answered"));
            }
            continue;
        }
        let (asked, op) =
            open.remove(p.as_str()).ok_or_else(|| malformed("is answered and has not asked"))?;
        match &event.what {
            What::Ok { v, .. } => {
                let seen = match op {
                    Op::Read { .. } => Some(v.clone().unwrap_or(Value::Null)),
                    _ => None,
                };
                close(op, asked, Some(place), seen);
            }
            What::Info { .. } => close(op, asked, None, None),
            _ => {}
        }
    }
    for (asked, op) in open.into_values() {
        close(op, asked, None, None);
    }
    for calls in calls.values_mut() {
        calls.sort_by_key(|call| call.asked);
    }
    Ok(calls)
}
