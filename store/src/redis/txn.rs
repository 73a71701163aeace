//! A transaction as a script's arguments, and what the script says of it.

use entourage_core::{Realm, planted};
use entourage_engine::redis::{Answer, Call};

use super::{
    Shared, answer,
    scripts::{DELETE, LOOK, TRANSACT},
    too_many_end,
};
use crate::{
    entry::Version,
    error::{Error, Result},
    limits::session_of,
    session::SessionId,
    txn::{Condition, Operation, Outcome, Test, Txn},
};

/// Bytes of keys and values that one transaction holds: others wait while a script runs.
const MAX_TXN_BYTES: usize = 4 * 1024 * 1024;

/// Runs a transaction; where sessions have ended, once these are out of the way.
pub(super) async fn transact(shared: &Shared, txn: &Txn) -> Result<Outcome> {
    check_bytes(txn)?;
    for _ in 0..Shared::MOST_SWEEPS {
        let said = shared.run(call(txn, shared.history)).await?;
        if let Some(outcome) = outcome(said, txn, shared.link.realm())? {
            return Ok(outcome);
        }
    }
    Err(too_many_end())
}

fn check_bytes(txn: &Txn) -> Result<()> {
    let named = |condition: &Condition| match condition {
        Condition::Key { key, .. } => key.len(),
        Condition::Holds(_) => 0,
    };
    let written = |operation: &Operation| match operation {
        Operation::Put { key, value, .. } => key.len() + value.len(),
        Operation::Delete { key } => key.len(),
    };
    let bytes: usize = txn.conditions.iter().map(named).chain(txn.operations.iter().map(written)).sum();
    if bytes <= MAX_TXN_BYTES {
        return Ok(());
    }
    let (given, limit) = (bytes as u64, MAX_TXN_BYTES as u64);
    Err(Error::TooLarge { what: "the transaction in bytes", given, limit })
}

fn call(txn: &Txn, history: usize) -> Call<'_> {
    let only_deletes = txn.operations.iter().all(|operation| matches!(operation, Operation::Delete { .. }));
    let script = match (txn.operations.is_empty(), only_deletes) {
        (true, _) => &LOOK,
        (false, true) => &DELETE,
        (false, false) => &TRANSACT,
    };
    let mut call = script.call().number(history as u64).number(txn.conditions.len() as u64);
    for condition in &txn.conditions {
        call = match condition {
            Condition::Key { key, test } => {
                let (kind, demand) = demand(test);
                call.arg(kind).arg(key).owned(demand)
            }
            Condition::Holds(fence) => {
                // A fence of another kind names no session.
                let number = session_of(fence).map(|number| number.to_string()).unwrap_or_default();
                call.arg("holds").owned(number).number(fence.epoch())
            }
        };
    }
    if txn.operations.is_empty() {
        return call;
    }
    call = call.number(txn.operations.len() as u64);
    for operation in &txn.operations {
        call = match operation {
            Operation::Put { key, value, session } => {
                let session = session.map(|id| id.number.to_string()).unwrap_or_default();
                call.arg("put").arg(key).arg(value).owned(session)
            }
            Operation::Delete { key } => call.arg("delete").arg(key).arg("").arg(""),
        };
    }
    call
}

fn demand(test: &Test) -> (&'static str, String) {
    match test {
        Test::Absent => ("absent", String::new()),
        Test::Version(_) if planted("store-ignores-versions") => ("present", String::new()),
        Test::Present => ("present", String::new()),
        Test::Version(version) => ("version", version.to_string()),
        Test::Created(version) => ("created", version.to_string()),
    }
}

/// What came of it; `None` if it must be asked again.
fn outcome(said: Answer, txn: &Txn, realm: Realm) -> Result<Option<Outcome>> {
    let mut items = said.items()?.into_iter();
    let mut next = || items.next().unwrap_or_default();
    match next().text()?.as_str() {
        "again" => Ok(None),
        "applied" => Ok(Some(Outcome::Applied { version: Version::new(next().number()?) })),
        "refused" => {
            let condition = usize::try_from(next().number()?).unwrap_or(usize::MAX);
            let found = match (txn.conditions.get(condition), next().some()) {
                (Some(Condition::Key { key, .. }), Some(found)) => Some(answer::entry(key, found)?),
                _ => None,
            };
            Ok(Some(Outcome::Refused { condition, found }))
        }
        "lost" => Err(Error::SessionLost { id: SessionId { realm, number: next().number()? } }),
        _ => {
            let (given, limit) = (next().number()?, Shared::MOST_TIED);
            Err(Error::TooLarge { what: "the number of the session's keys", given, limit })
        }
    }
}
