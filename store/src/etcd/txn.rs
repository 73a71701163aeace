//! A transaction in etcd's words, and what its refusal says.

use std::collections::{BTreeMap, BTreeSet};

use entourage_core::{Realm, planted};
use etcd_client::{
    Compare, CompareOp, GetOptions, KeyValue, PutOptions, Txn as Request, TxnOp, TxnOpResponse, TxnResponse,
};

use super::{
    fault::Intent,
    keys::{Keyspace, revision, version},
};
use crate::{
    entry::Entry,
    error::{Error, Result},
    limits::session_of,
    session::SessionId,
    txn::{Condition, Operation, Outcome, Test, Txn},
};

/// A revision that nothing has, so that whoever demands it is refused.
const NEVER: i64 = -1;
/// What a part of a request takes beside its keys and its value, at most.
const PART_BYTES: usize = 48;

/// A transaction, ready to be sent: if everything holds then all writes, else a look, at the
/// same revision, at every key that may be why not.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) request: Request,
    pub(super) intent: Intent,
    /// Bytes of the request, at most.
    pub(super) bytes: usize,
    conditions: Vec<Condition>,
    sessions: BTreeSet<u64>,
    looked_at: Vec<Vec<u8>>,
}

impl Plan {
    pub(super) fn new(txn: Txn, keys: &Keyspace) -> Self {
        let Txn { conditions, operations } = txn;
        let session = |operation: &Operation| match operation {
            Operation::Put { session, .. } => session.map(|id| id.number),
            Operation::Delete { .. } => None,
        };
        let sessions: BTreeSet<u64> = operations.iter().filter_map(session).collect();
        let mut looked_at = BTreeSet::new();
        let mut compares = Vec::new();
        for condition in &conditions {
            let (key, compare) = compare(condition, keys);
            compares.push(compare);
            looked_at.insert(key);
        }
        for number in &sessions {
            let key = keys.session(*number);
            compares.push(Compare::create_revision(key.clone(), CompareOp::Greater, 0));
            looked_at.insert(key);
        }
        let intent = if operations.is_empty() { Intent::Read } else { Intent::Write };
        let writes: usize = operations.iter().map(|operation| size(operation, keys)).sum();
        // A key is named by its compares and by its look; a session's key is a short one.
        let named: usize = conditions.iter().map(|condition| name(condition, keys).len() + PART_BYTES).sum();
        let looks: usize = looked_at.iter().map(|key| key.len() + PART_BYTES).sum();
        let bytes = writes + named + looks * 2;
        let looked_at: Vec<_> = looked_at.into_iter().collect();
        let writes: Vec<_> = operations.into_iter().map(|operation| write(operation, keys)).collect();
        // They make what only looks ask most servers: without any, one would answer alone.
        let options = || planted("etcd-asks-one-server-alone").then(|| GetOptions::new().with_serializable());
        let looks: Vec<_> = looked_at.iter().map(|key| TxnOp::get(key.clone(), options())).collect();
        let request = Request::new().when(compares).and_then(writes).or_else(looks);
        Self { request, intent, bytes, conditions, sessions, looked_at }
    }

    /// What came of it.
    pub(super) fn outcome(
        self,
        answer: &TxnResponse,
        at: u64,
        keys: &Keyspace,
        realm: Realm,
    ) -> Result<Outcome> {
        if answer.succeeded() {
            return Ok(Outcome::Applied { version: crate::Version::new(at) });
        }
        let mut found = BTreeMap::new();
        for (key, look) in self.looked_at.into_iter().zip(answer.op_responses()) {
            if let TxnOpResponse::Get(mut look) = look
                && let Some(stands) = look.take_kvs().pop()
            {
                found.insert(key, stands);
            }
        }
        for (place, condition) in self.conditions.iter().enumerate() {
            let key = name(condition, keys);
            match judge(condition, found.get(&key), keys) {
                Judged::Holds => {}
                Judged::Fails(found) => return Ok(Outcome::Refused { condition: place, found }),
            }
        }
        let lost = self.sessions.into_iter().find(|number| !found.contains_key(&keys.session(*number)));
        match lost {
            Some(number) => Err(Error::SessionLost { id: SessionId { realm, number } }),
            None => Err(Error::Failed("etcd refused a transaction all of whose conditions hold".into())),
        }
    }
}

/// Whether a condition holds, and if not what stands there.
enum Judged {
    Holds,
    Fails(Option<Entry>),
}

fn judge(condition: &Condition, found: Option<&KeyValue>, keys: &Keyspace) -> Judged {
    match condition {
        Condition::Key { test, .. } => {
            let entry = found.and_then(|found| keys.entry(found.clone()));
            if test.passes(entry.as_ref()) { Judged::Holds } else { Judged::Fails(entry) }
        }
        Condition::Holds(fence) => {
            let epoch = found.map(|found| version(found.mod_revision()).number());
            let holds = session_of(fence).is_some() && epoch == Some(fence.epoch());
            if holds { Judged::Holds } else { Judged::Fails(None) }
        }
    }
}

/// The key that a condition is about.
fn name(condition: &Condition, keys: &Keyspace) -> Vec<u8> {
    match condition {
        Condition::Key { key, .. } => keys.key(key),
        Condition::Holds(fence) => {
            session_of(fence).map_or_else(|| keys.probe(), |number| keys.session(number))
        }
    }
}

fn compare(condition: &Condition, keys: &Keyspace) -> (Vec<u8>, Compare) {
    let key = name(condition, keys);
    // Zero is what etcd shows for a key that is not there, which is at no version.
    let exactly =
        |version: crate::Version| revision(version).filter(|revision| *revision > 0).unwrap_or(NEVER);
    let named = key.clone();
    let compare = match condition {
        Condition::Key { test: Test::Absent, .. } => Compare::create_revision(named, CompareOp::Equal, 0),
        Condition::Key { test: Test::Present, .. } => Compare::create_revision(named, CompareOp::Greater, 0),
        Condition::Key { test: Test::Version(_), .. } if planted("store-ignores-versions") => {
            Compare::mod_revision(named, CompareOp::Greater, NEVER)
        }
        Condition::Key { test: Test::Version(version), .. } => {
            Compare::mod_revision(named, CompareOp::Equal, exactly(*version))
        }
        Condition::Key { test: Test::Created(version), .. } => {
            Compare::create_revision(named, CompareOp::Equal, exactly(*version))
        }
        Condition::Holds(fence) => {
            let epoch = session_of(fence).map_or(NEVER, |_| exactly(crate::Version::new(fence.epoch())));
            Compare::mod_revision(named, CompareOp::Equal, epoch)
        }
    };
    (key, compare)
}

fn write(operation: Operation, keys: &Keyspace) -> TxnOp {
    match operation {
        Operation::Put { key, value, session } => {
            // What is no lease's number names no session, and the compare on it has failed.
            let lease = session.and_then(|id| i64::try_from(id.number).ok()).unwrap_or_default();
            TxnOp::put(keys.key(&key), value, Some(PutOptions::new().with_lease(lease)))
        }
        Operation::Delete { key } => TxnOp::delete(keys.key(&key), None),
    }
}

fn size(operation: &Operation, keys: &Keyspace) -> usize {
    let value = match operation {
        Operation::Put { value, .. } => value.len(),
        Operation::Delete { .. } => 0,
    };
    keys.key(operation.key()).len() + value + PART_BYTES
}
