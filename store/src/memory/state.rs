//! What a memory store does, without a clock, a task or a lock.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::Bound, time::Duration};

use bytes::Bytes;
use entourage_core::{Fence, Moment, Realm};

use super::{history::History, seats::Seats};
use crate::{
    capabilities::Capabilities,
    entry::{Entry, Version},
    error::{Error, Result},
    feed::Batch,
    limits::{self, Grant},
    listing::{Listing, Order, What},
    session::SessionId,
    txn::{Condition, Operation, Outcome, Txn},
    watch::Change,
};

/// The whole store. Every call takes the time, and first ends what has expired by then.
#[derive(Debug)]
pub(crate) struct State {
    realm: Realm,
    limits: Capabilities,
    version: Version,
    entries: BTreeMap<String, Held>,
    seats: Seats,
    history: History,
    expired: u64,
}

/// What stands under a key.
#[derive(Debug)]
struct Held {
    value: Bytes,
    version: Version,
    created: Version,
    session: Option<u64>,
}

impl Held {
    fn entry(&self, key: &str) -> Entry {
        Entry { key: key.to_owned(), value: self.value.clone(), version: self.version, created: self.created }
    }
}

impl State {
    pub(crate) const fn new(realm: Realm, limits: Capabilities, history: usize) -> Self {
        Self {
            realm,
            limits,
            version: Version::ZERO,
            entries: BTreeMap::new(),
            seats: Seats::new(),
            history: History::new(history),
            expired: 0,
        }
    }

    /// The latest commit.
    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// How many sessions have expired.
    pub(crate) const fn expired(&self) -> u64 {
        self.expired
    }

    /// When the next session expires unless it is renewed.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.seats.deadline()
    }

    /// Ends every session whose time has come, each in a commit of its own.
    pub(crate) fn expire(&mut self, now: Moment) {
        while let Some(number) = self.seats.expired(now) {
            self.expired += 1;
            self.close(number);
        }
    }

    pub(crate) fn get(&mut self, now: Moment, key: &str) -> Result<Option<Entry>> {
        self.expire(now);
        limits::check_key(key)?;
        Ok(self.find(key))
    }

    pub(crate) fn list(&mut self, now: Moment, what: &What) -> Result<Listing> {
        self.expire(now);
        limits::check_what(what)?;
        let begin = match what.start_after() {
            Some(after) if after >= what.range() => Bound::Excluded(after),
            _ => Bound::Included(what.range()),
        };
        let mut found = self
            .entries
            .range::<str, _>((begin, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(what.range()))
            .map(|(key, held)| held.entry(key))
            .filter(|entry| what.matches(entry));
        let limit = what.max_entries();
        let mut entries: Vec<Entry> = match what.order() {
            Order::Key => found.by_ref().take(limit.saturating_add(1)).collect(),
            Order::Created | Order::CreatedDescending => found.collect(),
        };
        match what.order() {
            Order::Key => {}
            // Stable sorts of what is in the order of keys.
            Order::Created => entries.sort_by_key(|entry| entry.created),
            Order::CreatedDescending => {
                entries.reverse();
                entries.sort_by_key(|entry| std::cmp::Reverse(entry.created));
            }
        }
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(Listing { entries, as_of: self.version, more })
    }

    pub(crate) fn transact(&mut self, now: Moment, txn: Txn) -> Result<Outcome> {
        self.expire(now);
        limits::check_txn(&txn, &self.limits, self.realm)?;
        for (place, condition) in txn.conditions.iter().enumerate() {
            let (holds, found) = match condition {
                Condition::Key { key, test } => {
                    let found = self.find(key);
                    (limits::passes(test, found.as_ref()), found)
                }
                Condition::Holds(fence) => (self.stands(fence), None),
            };
            if !holds {
                return Ok(Outcome::Refused { condition: place, found });
            }
        }
        for operation in &txn.operations {
            if let Operation::Put { session: Some(id), .. } = operation
                && !self.seats.is_open(id.number)
            {
                return Err(Error::SessionLost { id: *id });
            }
        }
        if txn.operations.is_empty() {
            return Ok(Outcome::Applied { version: self.version });
        }
        let version = self.commit();
        for operation in txn.operations {
            match operation {
                Operation::Put { key, value, session } => self.put(key, value, session, version),
                Operation::Delete { key } => self.delete(key, version),
            }
        }
        self.history.trim();
        Ok(Outcome::Applied { version })
    }

    pub(crate) fn open(&mut self, now: Moment, ttl: Duration) -> Grant {
        self.expire(now);
        let ttl = self.limits.granted_ttl(ttl);
        // The commit that opens a session names it, so that no number is used twice.
        let epoch = self.commit().number();
        self.seats.open(now, epoch, ttl)
    }

    pub(crate) fn resume(&mut self, now: Moment, id: SessionId) -> Result<Grant> {
        self.expire(now);
        limits::check_realm(self.realm, id.realm)?;
        if !self.seats.is_open(id.number) {
            return Err(Error::SessionLost { id });
        }
        let epoch = self.commit().number();
        self.seats.resume(now, id.number, epoch).ok_or(Error::SessionLost { id })
    }

    pub(crate) fn renew(&mut self, now: Moment, grant: &Grant) -> Result<Duration> {
        self.expire(now);
        if !self.seats.is_seated(grant.number, grant.epoch) {
            return Err(Error::SessionLost { id: grant.id(self.realm) });
        }
        self.seats.extend(now, grant.number);
        Ok(grant.ttl)
    }

    /// Whether the incarnation still had the session, which has ended now.
    pub(crate) fn end(&mut self, now: Moment, grant: &Grant) -> bool {
        self.expire(now);
        let seated = self.seats.is_seated(grant.number, grant.epoch);
        if seated {
            self.close(grant.number);
        }
        seated
    }

    pub(crate) fn read(&mut self, now: Moment, prefix: &str, after: Version) -> Batch {
        self.expire(now);
        self.history.read(prefix, after, self.version)
    }

    fn find(&self, key: &str) -> Option<Entry> {
        self.entries.get(key).map(|held| held.entry(key))
    }

    fn stands(&self, fence: &Fence) -> bool {
        limits::session_of(fence).is_some_and(|number| self.seats.is_seated(number, fence.epoch()))
    }

    const fn commit(&mut self) -> Version {
        self.version = Version::new(self.version.number() + 1);
        self.version
    }

    fn put(&mut self, key: String, value: Bytes, session: Option<SessionId>, version: Version) {
        let session = session.map(|id| id.number);
        let before = self.entries.remove(&key);
        let created = before.as_ref().map_or(version, |held| held.created);
        if let Some(former) = before.and_then(|held| held.session) {
            self.seats.detach(former, &key);
        }
        if let Some(number) = session {
            self.seats.attach(number, &key);
        }
        let held = Held { value, version, created, session };
        self.history.push(Change::Put(held.entry(&key)));
        self.entries.insert(key, held);
    }

    fn delete(&mut self, key: String, version: Version) {
        let Some(held) = self.entries.remove(&key) else { return };
        if let Some(number) = held.session {
            self.seats.detach(number, &key);
        }
        self.history.push(Change::Delete { key, version });
    }

    /// Ends a session and deletes its keys, in one commit.
    fn close(&mut self, number: u64) {
        let Some(keys) = self.seats.close(number) else { return };
        let version = self.commit();
        for key in keys {
            self.entries.remove(&key);
            self.history.push(Change::Delete { key, version });
        }
        self.history.trim();
    }
}
