//! What happens when: the present moment, and the alarms on every clock.

use std::{collections::BTreeMap, task::Waker, time::Duration};

use entourage_core::Moment;

use crate::{
    dial::{Dial, Rate},
    rng::Rng,
};

/// How late a wait may end after its machine has slept: a sleep is cut into slices of this
/// length, as the system's clock does, since the kernel's timers stand still meanwhile.
const SLICE: Duration = Duration::from_millis(250);

/// Names an alarm: its clock, and its place in the order of setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    clock: usize,
    number: u64,
}

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
    /// Its clock runs true from now on.
    Steady,
}

/// A clock's dial, and the alarms that are set on it, by what it shows when they are due.
#[derive(Debug)]
struct Clock {
    dial: Dial,
    /// What it showed when its machine fell asleep: until it wakes, no alarm goes off.
    slept: Option<Moment>,
    alarms: BTreeMap<(Moment, u64), Alarm>,
    /// When each alarm is due, by number.
    due: BTreeMap<u64, Moment>,
    /// What [`Clock::next`] found last, so that whose time has not come is not looked at again.
    first: Option<Moment>,
}

impl Clock {
    const fn new(dial: Dial) -> Self {
        Self { dial, slept: None, alarms: BTreeMap::new(), due: BTreeMap::new(), first: None }
    }

    fn set(&mut self, at: Moment, number: u64, alarm: Alarm) {
        self.alarms.insert((at, number), alarm);
        self.due.insert(number, at);
    }

    fn cancel(&mut self, number: u64) -> Option<Alarm> {
        let at = self.due.remove(&number)?;
        self.alarms.remove(&(at, number))
    }

    /// The true moment at which the first of its alarms goes off, if time alone brings that about.
    fn next(&mut self) -> Option<Moment> {
        let first = self.alarms.first_key_value().filter(|_| self.slept.is_none());
        self.first = first.and_then(|((at, _), _)| self.dial.when(*at));
        self.first
    }

    /// Takes the alarms that are due.
    fn take(&mut self, now: Moment, into: &mut Vec<(u64, Alarm)>) {
        if self.first.is_none_or(|first| first > now) {
            return;
        }
        let shown = self.dial.shows(now);
        while self.slept.is_none()
            && let Some(first) = self.alarms.first_entry()
            && first.key().0 <= shown
        {
            let ((_, number), alarm) = first.remove_entry();
            self.due.remove(&number);
            into.push((number, alarm));
        }
    }
}

/// The true time, and the alarms of each clock; those of one moment in the order of setting.
#[derive(Debug)]
pub(crate) struct Timers {
    now: Moment,
    set: u64,
    spins: u64,
    /// The first is true, and never changes.
    clocks: Vec<Clock>,
}

impl Timers {
    /// The clock that shows the true time.
    pub(crate) const TRUE: usize = 0;

    pub(crate) fn new() -> Self {
        Self { now: Moment::ZERO, set: 0, spins: 0, clocks: vec![Clock::new(Dial::new(Moment::ZERO))] }
    }

    /// A further clock, which shows `shown` now.
    pub(crate) fn add(&mut self, shown: Moment) -> usize {
        self.clocks.push(Clock::new(Dial::new(shown)));
        self.clocks.len() - 1
    }

    /// What this clock shows.
    pub(crate) fn shows(&self, clock: usize) -> Moment {
        self.clocks[clock].dial.shows(self.now)
    }

    /// Counts a wait that was none; says how many there were at this moment.
    pub(crate) const fn spin(&mut self) -> u64 {
        self.spins += 1;
        self.spins
    }

    pub(crate) fn set(&mut self, clock: usize, at: Moment, alarm: Alarm) -> Key {
        self.set += 1;
        self.clocks[clock].set(at, self.set, alarm);
        Key { clock, number: self.set }
    }

    /// Has an alarm wake another than before. `Ok` is the former alarm, handed out because
    /// dropping its waker may drop a task that holds other alarms.
    ///
    /// # Errors
    /// The waker, if the alarm has gone off.
    pub(crate) fn replace(&mut self, key: Key, waker: Waker) -> Result<Option<Alarm>, Waker> {
        let clock = &mut self.clocks[key.clock];
        match clock.due.get(&key.number) {
            Some(at) => Ok(clock.alarms.insert((*at, key.number), Alarm::Wake(waker))),
            None => Err(waker),
        }
    }

    /// As for [`Timers::replace`], the caller drops what was cancelled.
    pub(crate) fn cancel(&mut self, key: Key) -> Option<Alarm> {
        self.clocks[key.clock].cancel(key.number)
    }

    pub(crate) fn next(&mut self) -> Option<Moment> {
        self.clocks.iter_mut().filter_map(Clock::next).min()
    }

    /// Goes to `next`, which [`Timers::next`] has just found, and takes all alarms of it, in the order of setting.
    pub(crate) fn advance(&mut self, next: Moment) -> Vec<Alarm> {
        if next > self.now {
            self.now = next;
            self.spins = 0;
        }
        let mut due = Vec::new();
        self.clocks.iter_mut().for_each(|clock| clock.take(self.now, &mut due));
        due.sort_unstable_by_key(|(number, _)| *number);
        due.into_iter().map(|(_, alarm)| alarm).collect()
    }

    pub(crate) fn clear(&mut self) -> Vec<Alarm> {
        let alarms = self.clocks.iter_mut().flat_map(|clock| {
            clock.due.clear();
            std::mem::take(&mut clock.alarms).into_values()
        });
        alarms.collect()
    }

    // What befalls a clock

    pub(crate) fn set_rate(&mut self, clock: usize, rate: Rate) {
        self.clocks[clock].dial.set_rate(self.now, rate);
    }

    pub(crate) fn set_frozen(&mut self, clock: usize, frozen: bool) {
        self.clocks[clock].dial.set_frozen(self.now, frozen);
    }

    /// The clock's machine sleeps: the clock goes on, and its alarms do not go off.
    pub(crate) fn sleep(&mut self, clock: usize) {
        let shown = self.shows(clock);
        self.clocks[clock].slept.get_or_insert(shown);
    }

    /// The clock's machine is awake again. What fell due meanwhile, or does so before a slice is
    /// over, is late by the rest of the slice in which it fell asleep.
    pub(crate) fn wake(&mut self, clock: usize, rng: &mut Rng) {
        let woke = self.shows(clock);
        let clock = &mut self.clocks[clock];
        let Some(slept) = clock.slept.take() else { return };
        let later = clock.alarms.split_off(&(woke + SLICE, 0));
        for ((at, number), alarm) in std::mem::replace(&mut clock.alarms, later) {
            let rest = rng.between(Duration::ZERO, SLICE).min(at.since(slept));
            clock.set(at.max(woke + rest), number, alarm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To whatever is due next; nothing if nothing is.
    fn advance(timers: &mut Timers) -> Vec<Alarm> {
        timers.next().map_or_else(Vec::new, |next| timers.advance(next))
    }

    fn places(alarms: Vec<Alarm>) -> Vec<usize> {
        let place = |alarm| match alarm {
            Alarm::Happen(_, place) => place,
            Alarm::Wake(_) => usize::MAX,
        };
        alarms.into_iter().map(place).collect()
    }

    const fn at(nanos: u64) -> Moment {
        Moment::from_nanos(nanos)
    }

    const fn heal(place: usize) -> Alarm {
        Alarm::Happen(Event::Heal, place)
    }

    #[test]
    fn time_goes_to_the_next_alarm_and_no_further() {
        let mut timers = Timers::new();
        timers.set(Timers::TRUE, at(20), heal(2));
        timers.set(Timers::TRUE, at(10), heal(0));
        timers.set(Timers::TRUE, at(10), heal(1));
        let cancelled = timers.set(Timers::TRUE, at(5), heal(3));
        assert!(timers.cancel(cancelled).is_some());
        assert_eq!(places(advance(&mut timers)), [0, 1]);
        assert_eq!(timers.shows(Timers::TRUE), at(10));
        assert_eq!(places(advance(&mut timers)), [2]);
        assert!(advance(&mut timers).is_empty());
        assert_eq!(timers.shows(Timers::TRUE), at(20));
    }

    #[test]
    fn an_alarm_in_the_past_does_not_turn_time_back() {
        let mut timers = Timers::new();
        timers.set(Timers::TRUE, at(10), heal(0));
        advance(&mut timers);
        timers.set(Timers::TRUE, at(5), heal(1));
        assert_eq!(places(advance(&mut timers)), [1]);
        assert_eq!(timers.shows(Timers::TRUE), at(10));
    }

    #[test]
    fn alarms_go_off_by_the_clock_on_which_they_are_set() {
        let mut timers = Timers::new();
        let (slow, fast) = (timers.add(at(0)), timers.add(at(1_000)));
        timers.set_rate(slow, Rate::new(0.5));
        timers.set_rate(fast, Rate::new(2.0));
        timers.set(slow, at(100), heal(0));
        timers.set(Timers::TRUE, at(100), heal(1));
        timers.set(fast, at(1_100), heal(2));
        let order = [(); 3].map(|()| (places(advance(&mut timers)), timers.now.as_nanos()));
        assert_eq!(order, [(vec![2], 50), (vec![1], 100), (vec![0], 200)]);
    }

    #[test]
    fn a_change_of_rate_moves_the_alarms_that_are_set() {
        let mut timers = Timers::new();
        let clock = timers.add(at(0));
        timers.set(clock, at(100), heal(0));
        timers.set(Timers::TRUE, at(60), heal(1));
        assert_eq!(places(advance(&mut timers)), [1]);
        timers.set_rate(clock, Rate::new(0.5));
        assert_eq!((places(advance(&mut timers)), timers.now), (vec![0], at(140)));
    }

    #[test]
    fn a_frozen_clock_holds_its_alarms_back() {
        let mut timers = Timers::new();
        let clock = timers.add(at(0));
        timers.set(clock, at(10), heal(0));
        timers.set_frozen(clock, true);
        timers.set(Timers::TRUE, at(100), heal(1));
        assert_eq!(places(advance(&mut timers)), [1]);
        assert_eq!(timers.next(), None);
        timers.set_frozen(clock, false);
        assert_eq!((places(advance(&mut timers)), timers.now), (vec![0], at(110)));
    }

    #[test]
    fn alarms_that_a_sleep_went_over_are_late_by_less_than_a_slice() {
        let (second, mut lateness) = (1_000_000_000, Vec::new());
        for seed in 0..20 {
            let mut timers = Timers::new();
            let clock = timers.add(at(0));
            timers.set(clock, at(second), heal(0));
            timers.set(clock, at(20 * second), heal(2));
            timers.sleep(clock);
            timers.set(Timers::TRUE, at(10 * second), heal(1));
            assert_eq!(places(advance(&mut timers)), [1]);
            assert_eq!((timers.shows(clock), timers.next()), (at(10 * second), None));
            timers.wake(clock, &mut Rng::new(seed));
            assert_eq!(places(advance(&mut timers)), [0]);
            lateness.push(timers.now.since(at(10 * second)));
            assert_eq!((places(advance(&mut timers)), timers.now), (vec![2], at(20 * second)));
        }
        assert!(lateness.iter().all(|late| *late < SLICE) && lateness.iter().any(|late| *late > SLICE / 2));
    }
}
