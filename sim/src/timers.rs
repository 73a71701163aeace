//! What happens when: a heap of alarms, and the present moment.

use std::{collections::BTreeMap, task::Waker};

use entourage_core::Moment;

/// Names an alarm: its moment, and its place among those of the same moment.
pub(crate) type Key = (Moment, u64);

/// What to do when a moment has come.
#[derive(Debug)]
pub(crate) enum Alarm {
    /// Somebody sleeps until then.
    Wake(Waker),
    /// Something happens to the process of this place.
    Happen(Event, usize),
}

/// What the simulation itself has set an alarm for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Restart,
    Heal,
    Resume,
}

/// Alarms in the order of their moments; those of one moment in the order of setting.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    now: Moment,
    set: u64,
    spins: u64,
    alarms: BTreeMap<Key, Alarm>,
}

impl Timers {
    pub(crate) const fn now(&self) -> Moment {
        self.now
    }

    /// Counts a wait that was none; says how many there were at this moment.
    pub(crate) const fn spin(&mut self) -> u64 {
        self.spins += 1;
        self.spins
    }

    pub(crate) fn set(&mut self, at: Moment, alarm: Alarm) -> Key {
        self.set += 1;
        let key = (at, self.set);
        self.alarms.insert(key, alarm);
        key
    }

    /// Wakes another than before. The former waker is handed out, because dropping it may drop
    /// a task that holds other alarms.
    pub(crate) fn replace(&mut self, key: Key, waker: Waker) -> Option<Alarm> {
        self.alarms.insert(key, Alarm::Wake(waker))
    }

    /// As for [`Timers::replace`], the caller drops what was cancelled.
    pub(crate) fn cancel(&mut self, key: Key) -> Option<Alarm> {
        self.alarms.remove(&key)
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.alarms.first_key_value().map(|((at, _), _)| *at)
    }

    /// Goes to the next alarm's moment, and takes all alarms of it.
    pub(crate) fn advance(&mut self) -> Vec<Alarm> {
        let Some(next) = self.next() else { return Vec::new() };
        if next > self.now {
            self.now = next;
            self.spins = 0;
        }
        let mut due = Vec::new();
        while let Some(entry) = self.alarms.first_entry()
            && entry.key().0 <= self.now
        {
            due.push(entry.remove());
        }
        due
    }

    pub(crate) fn clear(&mut self) -> Vec<Alarm> {
        std::mem::take(&mut self.alarms).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(alarms: Vec<Alarm>) -> Vec<usize> {
        let place = |alarm| match alarm {
            Alarm::Happen(_, place) => place,
            Alarm::Wake(_) => usize::MAX,
        };
        alarms.into_iter().map(place).collect()
    }

    #[test]
    fn time_goes_to_the_next_alarm_and_no_further() {
        let mut timers = Timers::default();
        let at = Moment::from_nanos;
        timers.set(at(20), Alarm::Happen(Event::Heal, 2));
        timers.set(at(10), Alarm::Happen(Event::Heal, 0));
        timers.set(at(10), Alarm::Happen(Event::Heal, 1));
        let cancelled = timers.set(at(5), Alarm::Happen(Event::Heal, 3));
        assert!(timers.cancel(cancelled).is_some());
        assert_eq!(places(timers.advance()), [0, 1]);
        assert_eq!(timers.now(), at(10));
        assert_eq!(places(timers.advance()), [2]);
        assert!(timers.advance().is_empty());
        assert_eq!(timers.now(), at(20));
    }

    #[test]
    fn an_alarm_in_the_past_does_not_turn_time_back() {
        let mut timers = Timers::default();
        timers.set(Moment::from_nanos(10), Alarm::Happen(Event::Heal, 0));
        timers.advance();
        timers.set(Moment::from_nanos(5), Alarm::Happen(Event::Heal, 1));
        assert_eq!(places(timers.advance()), [1]);
        assert_eq!(timers.now(), Moment::from_nanos(10));
    }
}
