//! A store that is too simple to be wrong: one map, one caller at a time.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use entourage_core::{Fence, Moment, Realm};

use super::log::{Changes, Log};
use crate::{
    Condition, Entry, Error, Operation, Order, Outcome, Result as Answer, SessionId, Txn, Version, What,
};

/// What stands under each key, the sessions, and every commit so far.
#[derive(Debug)]
pub(crate) struct Oracle {
    realm: Realm,
    entries: BTreeMap<String, (Entry, Option<SessionId>)>,
    pub(crate) seats: Vec<Seat>,
    pub(crate) log: Log,
}

/// A session, as the store must see it.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) id: SessionId,
    pub(crate) fence: Fence,
    pub(crate) until: Moment,
    pub(crate) open: bool,
}

/// What a transaction must come to.
#[derive(Debug)]
enum Verdict {
    /// No store takes it: written twice, or of a foreign realm.
    Unacceptable {
        twice: bool,
        foreign: bool,
    },
    Refused {
        condition: usize,
        found: Option<Entry>,
    },
    Lost(BTreeSet<u64>),
    Applies,
}

impl Oracle {
    pub(crate) fn new(realm: Realm) -> Self {
        Self { realm, entries: BTreeMap::new(), seats: Vec::new(), log: Log::default() }
    }

    /// Ends what has expired by `now`, in the order of the deadlines; whether keys went with it.
    pub(crate) fn expire(&mut self, now: Moment) -> bool {
        let keys = self.entries.len();
        loop {
            let due = self.seats.iter().enumerate().filter(|(_, seat)| seat.open && seat.until <= now);
            let Some((place, _)) = due.min_by_key(|(_, seat)| seat.until) else { break };
            self.end(place, true);
        }
        self.entries.len() < keys
    }

    /// Ends a session and deletes its keys; `late` if nobody asked for it.
    pub(crate) fn end(&mut self, place: usize, late: bool) {
        let id = self.seats[place].id;
        self.seats[place].open = false;
        let keys: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, (_, session))| *session == Some(id))
            .map(|(key, _)| key.clone())
            .collect();
        for key in &keys {
            self.entries.remove(key);
        }
        self.log.end(keys, late);
    }

    /// The session of this name, if it stands.
    pub(crate) fn seat(&self, id: SessionId) -> Option<usize> {
        self.seats.iter().position(|seat| seat.open && seat.id == id)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key).map(|(entry, _)| entry)
    }

    /// The entries asked for, and whether there are more.
    pub(crate) fn list(&self, what: &What) -> (Vec<Entry>, bool) {
        let all = self.entries.values().map(|(entry, _)| entry.clone());
        let mut found: Vec<Entry> = all
            .filter(|entry| {
                if what.is_exact() { entry.key == what.range() } else { entry.key.starts_with(what.range()) }
            })
            .filter(|entry| what.start_after().is_none_or(|after| entry.key.as_str() > after))
            .filter(|entry| what.ceiling().is_none_or(|ceiling| entry.created < ceiling))
            .collect();
        match what.order() {
            Order::Key => found.sort_by(|a, b| a.key.cmp(&b.key)),
            Order::Created => found.sort_by(|a, b| (a.created, &a.key).cmp(&(b.created, &b.key))),
            Order::CreatedDescending => found.sort_by(|a, b| (b.created, &b.key).cmp(&(a.created, &a.key))),
        }
        let more = found.len() > what.max_entries();
        found.truncate(what.max_entries());
        (found, more)
    }

    /// Judges the store's answer to a transaction, and takes in what it did.
    pub(crate) fn transact(&mut self, txn: &Txn, answer: &Answer<Outcome>) -> Result<(), String> {
        let verdict = self.judge(txn);
        let agrees = match (&verdict, answer) {
            (Verdict::Unacceptable { twice, .. }, Err(Error::Invalid(_))) => *twice,
            (Verdict::Unacceptable { foreign, .. }, Err(Error::ForeignRealm { expected, .. })) => {
                *foreign && *expected == self.realm
            }
            (Verdict::Refused { condition, found }, Ok(Outcome::Refused { condition: c, found: f })) => {
                condition == c && found == f
            }
            (Verdict::Lost(lost), Err(Error::SessionLost { id })) => lost.contains(&id.number),
            (Verdict::Applies, Ok(Outcome::Applied { version })) => return self.apply(txn, *version),
            _ => false,
        };
        if agrees { Ok(()) } else { Err(format!("{txn:?}\nmust be {verdict:?}\nbut is {answer:?}")) }
    }

    fn judge(&self, txn: &Txn) -> Verdict {
        let mut keys: Vec<_> = txn.operations.iter().map(Operation::key).collect();
        keys.sort_unstable();
        let twice = keys.windows(2).any(|pair| pair[0] == pair[1]);
        let sessions: Vec<SessionId> = txn
            .operations
            .iter()
            .filter_map(|operation| match operation {
                Operation::Put { session, .. } => *session,
                Operation::Delete { .. } => None,
            })
            .collect();
        let fences = txn.conditions.iter().filter_map(|condition| match condition {
            Condition::Holds(fence) => Some(fence.realm()),
            Condition::Key { .. } => None,
        });
        let foreign = fences.chain(sessions.iter().map(|id| id.realm)).any(|realm| realm != self.realm);
        if twice || foreign {
            return Verdict::Unacceptable { twice, foreign };
        }
        for (place, condition) in txn.conditions.iter().enumerate() {
            let (holds, found) = match condition {
                Condition::Key { key, test } => (test.passes(self.get(key)), self.get(key).cloned()),
                Condition::Holds(fence) => {
                    (self.seats.iter().any(|seat| seat.open && seat.fence == *fence), None)
                }
            };
            if !holds {
                return Verdict::Refused { condition: place, found };
            }
        }
        let lost: BTreeSet<u64> =
            sessions.into_iter().filter(|id| self.seat(*id).is_none()).map(|id| id.number).collect();
        if lost.is_empty() { Verdict::Applies } else { Verdict::Lost(lost) }
    }

    fn apply(&mut self, txn: &Txn, version: Version) -> Result<(), String> {
        let mut changes = Changes::new();
        for operation in &txn.operations {
            match operation {
                Operation::Put { key, value, session } => {
                    let entry = self.written(key, value, version);
                    changes.insert(key.clone(), Some(entry.clone()));
                    self.entries.insert(key.clone(), (entry, *session));
                }
                Operation::Delete { key } => {
                    if self.entries.remove(key).is_some() {
                        changes.insert(key.clone(), None);
                    }
                }
            }
        }
        // What changes nothing may be a commit or not.
        if changes.is_empty() { self.log.latest_is(version) } else { self.log.commit(version, changes) }
    }

    fn written(&self, key: &str, value: &Bytes, version: Version) -> Entry {
        let created = self.get(key).map_or(version, |entry| entry.created);
        Entry { key: key.to_owned(), value: value.clone(), version, created }
    }
}
