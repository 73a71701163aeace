//! The sessions of a memory store, and when they end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entourage_core::{Moment, planted};

use crate::limits::Grant;

/// The open sessions, by number and by deadline.
#[derive(Debug)]
pub(crate) struct Seats {
    seats: BTreeMap<u64, Seat>,
    deadlines: BTreeSet<(Moment, u64)>,
}

/// The store's side of a session.
#[derive(Debug)]
struct Seat {
    epoch: u64,
    ttl: Duration,
    until: Moment,
    keys: BTreeSet<String>,
}

impl Seats {
    pub(crate) const fn new() -> Self {
        Self { seats: BTreeMap::new(), deadlines: BTreeSet::new() }
    }

    /// When the next session expires unless it is renewed.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(until, _)| *until)
    }

    /// The session that has expired first by `now`.
    pub(crate) fn expired(&self, now: Moment) -> Option<u64> {
        let (until, number) = self.deadlines.first().copied()?;
        let live = if planted("store-session-off-by-one") { now <= until } else { now < until };
        (!live).then_some(number)
    }

    pub(crate) fn is_open(&self, number: u64) -> bool {
        self.seats.contains_key(&number)
    }

    /// Whether the incarnation of this epoch has the session.
    pub(crate) fn is_seated(&self, number: u64, epoch: u64) -> bool {
        self.seats.get(&number).is_some_and(|seat| seat.epoch == epoch)
    }

    /// Opens the session that `epoch` names and grants it.
    pub(crate) fn open(&mut self, now: Moment, epoch: u64, ttl: Duration) -> Grant {
        let until = end(now, ttl);
        self.seats.insert(epoch, Seat { epoch, ttl, until, keys: BTreeSet::new() });
        self.deadlines.insert((until, epoch));
        Grant { number: epoch, epoch, ttl }
    }

    /// Grants an open session to a new incarnation of its holder.
    pub(crate) fn resume(&mut self, now: Moment, number: u64, epoch: u64) -> Option<Grant> {
        let seat = self.seats.get_mut(&number)?;
        if !planted("store-repeats-fence") {
            seat.epoch = epoch;
        }
        let grant = Grant { number, epoch: seat.epoch, ttl: seat.ttl };
        self.extend(now, number);
        Some(grant)
    }

    /// Begins the time to live anew.
    pub(crate) fn extend(&mut self, now: Moment, number: u64) {
        if let Some(seat) = self.seats.get_mut(&number) {
            self.deadlines.remove(&(seat.until, number));
            seat.until = end(now, seat.ttl);
            self.deadlines.insert((seat.until, number));
        }
    }

    /// Ties a key to a session.
    pub(crate) fn attach(&mut self, number: u64, key: &str) {
        if let Some(seat) = self.seats.get_mut(&number) {
            seat.keys.insert(key.to_owned());
        }
    }

    /// Frees a key from its session.
    pub(crate) fn detach(&mut self, number: u64, key: &str) {
        if let Some(seat) = self.seats.get_mut(&number) {
            seat.keys.remove(key);
        }
    }

    /// Ends a session; the keys that end with it, in their order. `None` if it is not open.
    pub(crate) fn close(&mut self, number: u64) -> Option<BTreeSet<String>> {
        let seat = self.seats.remove(&number)?;
        self.deadlines.remove(&(seat.until, number));
        Some(seat.keys)
    }
}

/// When a session is over that is granted, or renewed, at `now`.
fn end(now: Moment, ttl: Duration) -> Moment {
    if planted("store-session-lasts-twice") { now + ttl * 2 } else { now + ttl }
}
