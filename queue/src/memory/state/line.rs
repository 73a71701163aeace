//! One group's view of one topic.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use entourage_core::{Moment, planted};

use crate::{
    item::{Group, Item},
    memory::state::{
        lane::Lanes,
        ready::{Rank, Ready},
        stored::{Items, Mark, Standing, Stored},
    },
};

/// What one group has before it in one topic, and what it has given up.
///
/// Every item that the group has not settled is in exactly one standing: behind another of its
/// key, delayed, ready or in flight.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) topic: usize,
    /// Whose it is; nobody's yet before the topic's first group joins and takes it over.
    pub(super) group: Option<Group>,
    /// Which of the topic's groups, and so which of an item's marks.
    place: usize,
    pub(super) ready: Ready,
    delayed: BTreeSet<(Moment, u64)>,
    pub(super) lanes: Lanes,
    /// The unsettled items in the order of publishing, and settled ones among them that are
    /// swept out when they come to the front or are the larger part.
    published: VecDeque<u64>,
    unsettled: u64,
    in_flight: u64,
    pub(super) dead: BTreeMap<u64, DeadMark>,
}

/// Why and after how many attempts an item was given up.
#[derive(Debug)]
pub(super) struct DeadMark {
    pub(super) reason: String,
    pub(super) attempts: u32,
}

impl Line {
    pub(super) fn new(topic: usize, place: usize, group: Option<Group>) -> Self {
        Self {
            topic,
            group,
            place,
            ready: Ready::default(),
            delayed: BTreeSet::new(),
            lanes: Lanes::default(),
            published: VecDeque::new(),
            unsettled: 0,
            in_flight: 0,
            dead: BTreeMap::new(),
        }
    }

    /// Takes a new item, which is published after all others.
    pub(super) fn add(&mut self, rank: Rank, item: &Item, due: Moment, now: Moment) -> Mark {
        let sequence = rank.sequence;
        self.unsettled += 1;
        self.published.push_back(sequence);
        let mut mark = Mark::new(Standing::Behind, due);
        if let Some(key) = item.key()
            && !(planted("queue-delay-forgets-key") && due > now)
        {
            let number = self.lanes.open(key);
            mark.lane = Some(number);
            let lane = self.lanes.at(number);
            lane.insert(sequence);
            if lane.head() != Some(sequence) {
                return mark;
            }
        }
        mark.standing = self.place(rank, item, due, now);
        mark
    }

    /// Makes ready what has become due.
    pub(super) fn promote(&mut self, items: &mut Items, now: Moment) {
        while let Some((due, sequence)) = self.delayed.first().copied()
            && due <= now
        {
            self.delayed.pop_first();
            let stored = stored(items, sequence);
            self.ready.insert(stored.rank(sequence), stored.item.bundle());
            self.mark(stored).standing = Standing::Ready;
        }
    }

    /// When the next delayed item becomes due.
    pub(super) fn next_due(&self) -> Option<Moment> {
        self.delayed.first().map(|(due, _)| *due)
    }

    /// Puts a ready item in flight.
    pub(super) fn start(&mut self, stored: &mut Stored, sequence: u64) -> Mark {
        self.ready.remove(stored.rank(sequence), stored.item.bundle());
        self.in_flight += 1;
        let mark = self.mark(stored);
        mark.standing = Standing::InFlight;
        if let Some(lane) = mark.lane {
            self.lanes.at(lane).start(sequence);
        }
        *mark
    }

    /// An item in flight comes back, to be leased again from `due`. Its place in the order of
    /// its key stays its own.
    pub(super) fn put_back(&mut self, items: &mut Items, sequence: u64, due: Moment, now: Moment) {
        self.in_flight -= 1;
        let stored = stored(items, sequence);
        let mark = self.mark(stored);
        mark.due = due;
        let lane = mark.lane;
        if let Some(number) = lane {
            mark.standing = Standing::Behind;
            let lane = self.lanes.at(number);
            lane.finish(sequence);
            if planted("queue-delay-forgets-key") && due > now {
                mark.lane = None;
            } else if planted("queue-forgets-key-order") {
                lane.push(sequence);
            } else {
                lane.insert(sequence);
            }
        }
        if mark.lane.is_none() {
            let standing = self.place(stored.rank(sequence), &stored.item, due, now);
            self.mark(stored).standing = standing;
        }
        if let Some(lane) = lane {
            self.raise(items, lane, sequence, now);
        }
    }

    /// An item in flight is done.
    pub(super) fn settle(&mut self, items: &mut Items, sequence: u64, now: Moment) {
        self.finish(items, sequence, Standing::Settled, now);
    }

    /// An item in flight is given up.
    pub(super) fn bury(&mut self, items: &mut Items, sequence: u64, dead: DeadMark, now: Moment) {
        self.dead.insert(sequence, dead);
        stored(items, sequence).dead += 1;
        self.finish(items, sequence, Standing::Dead, now);
    }

    /// A dead letter becomes ready again, its attempts forgotten. It takes its old place among
    /// the items of its key.
    pub(super) fn redrive(&mut self, items: &mut Items, sequence: u64, now: Moment) {
        self.dead.remove(&sequence);
        self.unsettled += 1;
        let place = self.published.partition_point(|published| *published < sequence);
        if self.published.get(place) != Some(&sequence) {
            self.published.insert(place, sequence);
        }
        let stored = stored(items, sequence);
        *self.mark(stored) = Mark::new(Standing::Behind, now);
        let Some(key) = stored.item.key() else {
            let standing = self.place(stored.rank(sequence), &stored.item, now, now);
            self.mark(stored).standing = standing;
            return;
        };
        let number = self.lanes.open(key);
        self.mark(stored).lane = Some(number);
        let lane = self.lanes.at(number);
        let former = lane.head();
        lane.insert(sequence);
        if let Some(former) = former
            && lane.head() == Some(sequence)
        {
            self.unplace(items, former);
        }
        self.raise(items, number, sequence, now);
    }

    /// How far the group is with an item.
    pub(super) fn mark_of<'a>(&self, items: &'a mut Items, sequence: u64) -> &'a mut Mark {
        self.mark(stored(items, sequence))
    }

    /// Ready, waiting and in flight.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let ready = self.ready.len() as u64;
        (ready, self.unsettled - ready - self.in_flight, self.in_flight)
    }

    /// The unsettled item that was published first.
    pub(super) fn oldest(&mut self, items: &Items) -> Option<u64> {
        while let Some(sequence) = self.published.front() {
            if self.holds(items, *sequence) {
                return Some(*sequence);
            }
            self.published.pop_front();
        }
        None
    }

    fn finish(&mut self, items: &mut Items, sequence: u64, standing: Standing, now: Moment) {
        self.in_flight -= 1;
        self.unsettled -= 1;
        if self.published.front() == Some(&sequence) {
            self.published.pop_front();
        }
        let stored = stored(items, sequence);
        let mark = self.mark(stored);
        mark.standing = standing;
        if let Some(lane) = mark.lane {
            self.lanes.at(lane).finish(sequence);
            self.raise(items, lane, sequence, now);
        }
        self.tidy(items);
    }

    /// Places the head of a lane, if it is free to be leased and not placed yet; `sequence` is
    /// any item of its key.
    fn raise(&mut self, items: &mut Items, lane: usize, sequence: u64, now: Moment) {
        let lane = self.lanes.at(lane);
        if lane.is_empty() {
            if let Some(key) = stored(items, sequence).item.key() {
                self.lanes.close(key);
            }
            return;
        }
        let Some(head) = lane.head() else { return };
        let stored = stored(items, head);
        let mark = *self.mark(stored);
        if mark.standing == Standing::Behind {
            let standing = self.place(stored.rank(head), &stored.item, mark.due, now);
            self.mark(stored).standing = standing;
        }
    }

    fn place(&mut self, rank: Rank, item: &Item, due: Moment, now: Moment) -> Standing {
        if due <= now {
            self.ready.insert(rank, item.bundle());
            Standing::Ready
        } else {
            self.delayed.insert((due, rank.sequence));
            Standing::Delayed
        }
    }

    /// Puts a head behind an item that came before it after all.
    fn unplace(&mut self, items: &mut Items, sequence: u64) {
        let stored = stored(items, sequence);
        let mark = *self.mark(stored);
        match mark.standing {
            Standing::Ready => self.ready.remove(stored.rank(sequence), stored.item.bundle()),
            Standing::Delayed => {
                self.delayed.remove(&(mark.due, sequence));
            }
            _ => return,
        }
        self.mark(stored).standing = Standing::Behind;
    }

    fn mark<'a>(&self, stored: &'a mut Stored) -> &'a mut Mark {
        stored.mark_mut(self.place).expect("an item of a line was marked for its group when it was published")
    }

    fn holds(&self, items: &Items, sequence: u64) -> bool {
        let mark = items.get(&sequence).and_then(|stored| stored.mark(self.place));
        mark.is_some_and(|mark| !matches!(mark.standing, Standing::Settled | Standing::Dead))
    }

    /// Keeps the order of publishing within twice what is unsettled.
    fn tidy(&mut self, items: &Items) {
        if self.published.len() as u64 / 2 > self.unsettled + 512 {
            let mut published = std::mem::take(&mut self.published);
            published.retain(|sequence| self.holds(items, *sequence));
            self.published = published;
        }
    }
}

fn stored(items: &mut Items, sequence: u64) -> &mut Stored {
    items.get_mut(&sequence).expect("an unsettled item is stored")
}
