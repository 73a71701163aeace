//! What a memory store does, without a clock, a task or a lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    time::Duration,
};

use bytes::Bytes;
use entourage_core::{Fence, Moment, Realm, planted};

use super::history::History;
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
    sessions: BTreeMap<u64, Seat>,
    deadlines: BTreeSet<(Moment, u64)>,
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

/// The store's side of a session.
#[derive(Debug)]
struct Seat {
    epoch: u64,
    ttl: Duration,
    until: Moment,
    keys: BTreeSet<String>,
}

impl State {
    pub(crate) const fn new(realm: Realm, limits: Capabilities, history: usize) -> Self {
        Self {
            realm,
            limits,
            version: Version::ZERO,
            entries: BTreeMap::new(),
            sessions: BTreeMap::new(),
            deadlines: BTreeSet::new(),
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
        self.deadlines.first().map(|(until, _)| *until)
    }

    /// Ends every session whose time has come, each in a commit of its own.
    pub(crate) fn expire(&mut self, now: Moment) {
        while let Some((until, number)) = self.deadlines.first().copied() {
            let live = if planted("store-session-off-by-one") { now <= until } else { now < until };
            if live {
                return;
            }
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
                && !self.sessions.contains_key(&id.number)
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
        let until = now + ttl;
        self.sessions.insert(epoch, Seat { epoch, ttl, until, keys: BTreeSet::new() });
        self.deadlines.insert((until, epoch));
        Grant { number: epoch, epoch, ttl }
    }

    pub(crate) fn resume(&mut self, now: Moment, id: SessionId) -> Result<Grant> {
        self.expire(now);
        limits::check_realm(self.realm, id.realm)?;
        if !self.sessions.contains_key(&id.number) {
            return Err(Error::SessionLost { id });
        }
        let epoch = self.commit().number();
        let lost = Error::SessionLost { id };
        let seat = self.sessions.get_mut(&id.number).ok_or(lost)?;
        if !planted("store-repeats-fence") {
            seat.epoch = epoch;
        }
        let grant = Grant { number: id.number, epoch: seat.epoch, ttl: seat.ttl };
        self.extend(now, id.number);
        Ok(grant)
    }

    pub(crate) fn renew(&mut self, now: Moment, grant: &Grant) -> Result<Duration> {
        self.expire(now);
        if !self.is_seated(grant.number, grant.epoch) {
            return Err(Error::SessionLost { id: grant.id(self.realm) });
        }
        self.extend(now, grant.number);
        Ok(grant.ttl)
    }

    /// Whether the incarnation still had the session, which has ended now.
    pub(crate) fn end(&mut self, now: Moment, grant: &Grant) -> bool {
        self.expire(now);
        let seated = self.is_seated(grant.number, grant.epoch);
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
        limits::session_of(fence).is_some_and(|number| self.is_seated(number, fence.epoch()))
    }

    fn is_seated(&self, number: u64, epoch: u64) -> bool {
        self.sessions.get(&number).is_some_and(|seat| seat.epoch == epoch)
    }

    const fn commit(&mut self) -> Version {
        self.version = Version::new(self.version.number() + 1);
        self.version
    }

    fn put(&mut self, key: String, value: Bytes, session: Option<SessionId>, version: Version) {
        let session = session.map(|id| id.number);
        let before = self.entries.remove(&key);
        let created = before.as_ref().map_or(version, |held| held.created);
        self.detach(&key, before.and_then(|held| held.session));
        if let Some(seat) = session.and_then(|number| self.sessions.get_mut(&number)) {
            seat.keys.insert(key.clone());
        }
        let held = Held { value, version, created, session };
        self.history.push(Change::Put(held.entry(&key)));
        self.entries.insert(key, held);
    }

    fn delete(&mut self, key: String, version: Version) {
        let Some(held) = self.entries.remove(&key) else { return };
        self.detach(&key, held.session);
        self.history.push(Change::Delete { key, version });
    }

    fn detach(&mut self, key: &str, session: Option<u64>) {
        if let Some(seat) = session.and_then(|number| self.sessions.get_mut(&number)) {
            seat.keys.remove(key);
        }
    }

    fn extend(&mut self, now: Moment, number: u64) {
        if let Some(seat) = self.sessions.get_mut(&number) {
            self.deadlines.remove(&(seat.until, number));
            seat.until = now + seat.ttl;
            self.deadlines.insert((seat.until, number));
        }
    }

    /// Ends a session and deletes its keys, in one commit.
    fn close(&mut self, number: u64) {
        let Some(seat) = self.sessions.remove(&number) else { return };
        self.deadlines.remove(&(seat.until, number));
        let version = self.commit();
        for key in seat.keys {
            self.entries.remove(&key);
            self.history.push(Change::Delete { key, version });
        }
        self.history.trim();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::txn::Test;

    const REALM: Realm = Realm::new(7);
    const TTL: Duration = Duration::from_secs(10);

    fn state() -> State {
        State::new(REALM, Capabilities::new(), 100)
    }

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    fn apply(state: &mut State, now: u64, txn: Txn) -> Version {
        state.transact(at(now), txn).unwrap().applied().expect("nothing stands against it")
    }

    #[test]
    fn a_session_is_live_just_before_its_deadline_and_expired_at_it() {
        let mut state = state();
        let grant = state.open(at(0), TTL);
        apply(&mut state, 0, Txn::new().put_with("k", "1", grant.id(REALM)));
        let just_before = Moment::from_nanos(at(10).as_nanos() - 1);
        assert!(state.get(just_before, "k").unwrap().is_some());
        assert_eq!(state.get(at(10), "k").unwrap(), None);
        assert!(matches!(state.renew(at(10), &grant), Err(Error::SessionLost { .. })));
        assert_eq!((state.expired(), state.deadline()), (1, None));
    }

    #[test]
    fn each_expiry_is_a_commit_of_its_own_in_the_order_of_deadlines() {
        let mut state = state();
        let late = state.open(at(0), TTL * 2);
        let early = state.open(at(0), TTL);
        apply(&mut state, 0, Txn::new().put_with("a", "1", late.id(REALM)));
        let last = apply(&mut state, 0, Txn::new().put_with("b", "1", early.id(REALM)));
        let batch = state.read(at(30), "", last);
        let seen: Vec<_> = batch.changes.iter().map(|c| (c.key(), c.version().number())).collect();
        assert_eq!(seen, [(Some("b"), last.number() + 1), (Some("a"), last.number() + 2)]);
    }

    #[test]
    fn a_resumed_session_keeps_its_keys_under_a_higher_fence() {
        let mut state = state();
        let first = state.open(at(0), TTL);
        apply(&mut state, 0, Txn::new().put_with("k", "1", first.id(REALM)));
        let second = state.resume(at(9), first.id(REALM)).unwrap();
        assert_eq!(second.fence(REALM).supersedes(&first.fence(REALM)), Ok(true));
        assert!(state.renew(at(9), &first).is_err());
        assert!(!state.end(at(9), &first), "the former incarnation ends nothing");
        assert!(state.get(at(18), "k").unwrap().is_some(), "the time to live began again");
        let refused = state.transact(at(18), Txn::new().when_held(first.fence(REALM)).delete("k")).unwrap();
        assert_eq!(refused, Outcome::Refused { condition: 0, found: None });
        apply(&mut state, 18, Txn::new().when_held(second.fence(REALM)).delete("k"));
    }

    #[test]
    fn a_put_under_a_lost_session_changes_nothing_at_all() {
        let mut state = state();
        let grant = state.open(at(0), TTL);
        state.end(at(1), &grant);
        let before = state.version();
        let txn = Txn::new().put("a", "1").put_with("b", "1", grant.id(REALM));
        assert!(matches!(state.transact(at(1), txn), Err(Error::SessionLost { .. })));
        assert_eq!((state.version(), state.get(at(1), "a").unwrap()), (before, None));
    }

    #[test]
    fn the_last_put_decides_with_which_session_a_key_ends() {
        let mut state = state();
        let one = state.open(at(0), TTL);
        let two = state.open(at(0), TTL * 2);
        apply(&mut state, 0, Txn::new().put_with("a", "1", one.id(REALM)).put_with("b", "1", one.id(REALM)));
        apply(&mut state, 0, Txn::new().put("a", "2").put_with("b", "2", two.id(REALM)));
        assert!(state.get(at(10), "a").unwrap().is_some() && state.get(at(10), "b").unwrap().is_some());
        assert!(state.get(at(20), "a").unwrap().is_some() && state.get(at(20), "b").unwrap().is_none());
    }

    #[test]
    fn the_first_condition_that_fails_is_reported_with_what_stands_there() {
        let mut state = state();
        let version = apply(&mut state, 0, Txn::new().put("a", "1"));
        let txn = Txn::new().when("a", Test::Present).when("a", Test::Absent).when("b", Test::Present);
        let Outcome::Refused { condition: 1, found: Some(found) } = state.transact(at(0), txn).unwrap()
        else {
            panic!("the second condition does not hold");
        };
        assert_eq!((found.version, found.created), (version, version));
    }

    #[test]
    fn listings_are_ordered_cut_and_continued() {
        let mut state = state();
        for key in ["b", "p/2", "p/1", "p/3", "q"] {
            apply(&mut state, 0, Txn::new().put(key, "1"));
        }
        apply(&mut state, 0, Txn::new().put("p/2", "2"));
        let mut keys = |what: What| {
            let listing = state.list(at(0), &what).unwrap();
            let keys: Vec<String> = listing.entries.into_iter().map(|entry| entry.key).collect();
            (keys.join(" "), listing.more)
        };
        let all = What::prefix("p/");
        assert_eq!(keys(all.clone()), ("p/1 p/2 p/3".to_owned(), false));
        assert_eq!(keys(all.clone().ordered(Order::Created)), ("p/2 p/1 p/3".to_owned(), false));
        assert_eq!(
            keys(all.clone().ordered(Order::CreatedDescending).limit(2)),
            ("p/3 p/1".to_owned(), true)
        );
        assert_eq!(keys(all.clone().limit(2)), ("p/1 p/2".to_owned(), true));
        assert_eq!(keys(all.clone().after("p/2")), ("p/3".to_owned(), false));
        assert_eq!(keys(all.clone().after("a").limit(1)), ("p/1".to_owned(), true));
        assert_eq!(keys(all.created_below(Version::new(3))), ("p/2".to_owned(), false));
        assert_eq!(keys(What::key("p/2")), ("p/2".to_owned(), false));
    }
}
