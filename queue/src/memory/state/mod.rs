//! A queue as a pure state machine: no clock, no waiting, the same calls give the same answers.
//!
//! Every call takes the present moment, first ends the leases that are over, and then happens
//! whole or not at all.

mod apply;
mod dead;
mod lane;
mod lease;
mod ledger;
mod line;
mod member;
mod number;
mod publish;
mod ready;
mod stored;
#[cfg(test)]
mod tests;
mod topic;
mod window;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
};

use entourage_core::{Moment, planted};

use crate::{
    broker::ConsumerId,
    counts::Counts,
    error::{Error, Result},
    item::{Group, Topic},
    memory::state::{ledger::Ledger, line::Line, member::Member, stored::Items, topic::TopicState},
    options::{SubscribeOptions, TopicOptions},
    state::Record,
    stats::Stats,
};

/// All of a queue.
#[derive(Debug)]
pub(super) struct State {
    defaults: TopicOptions,
    counts: Counts,
    names: HashMap<Topic, usize>,
    topics: Vec<TopicState>,
    /// One for each topic and group.
    lines: Vec<Line>,
    groups: HashMap<Group, usize>,
    /// One for each group.
    ledgers: Vec<Ledger>,
    items: Items,
    members: BTreeMap<ConsumerId, Member>,
    /// The members that hold something, by when the next of their leases ends.
    deadlines: BTreeSet<(Moment, ConsumerId)>,
    last_sequence: u64,
    last_epoch: u64,
    last_consumer: u64,
    wakes: Wakes,
}

/// Whom a call may have given something to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wakes {
    /// An item may be ready, or become so earlier than was said.
    pub(super) receivers: bool,
    /// A topic may have room.
    pub(super) publishers: bool,
}

impl State {
    pub(super) fn new(defaults: TopicOptions, counts: Counts) -> Self {
        Self {
            defaults,
            counts,
            names: HashMap::new(),
            topics: Vec::new(),
            lines: Vec::new(),
            groups: HashMap::new(),
            ledgers: Vec::new(),
            items: Items::default(),
            members: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            last_sequence: 0,
            last_epoch: 0,
            last_consumer: 0,
            wakes: Wakes::default(),
        }
    }

    /// Whom the calls since the last answer may have given something to do.
    pub(super) fn take_wakes(&mut self) -> Wakes {
        mem::take(&mut self.wakes)
    }

    pub(super) fn configure(&mut self, topic: &Topic, options: TopicOptions) {
        let topic = self.topic(topic);
        self.topics[topic].options = options;
        self.wakes.publishers = true;
    }

    /// Registers a consumer. A topic's first group takes over what is there; a later one sees
    /// what is published from then on.
    pub(super) fn join(
        &mut self,
        topics: &[Topic],
        group: &Group,
        options: SubscribeOptions,
        now: Moment,
    ) -> ConsumerId {
        let lines = topics.iter().map(|topic| self.join_topic(topic, group)).collect();
        let ledger = self.groups.get(group).copied().unwrap_or_else(|| {
            let ledger = self.ledgers.len();
            self.ledgers.push(Ledger::new());
            self.groups.insert(group.clone(), ledger);
            ledger
        });
        self.last_consumer += 1;
        let id = ConsumerId(self.last_consumer);
        self.members.insert(id, Member::new(ledger, lines, options, now));
        id
    }

    /// Counts of a topic and group. Before a topic's first group has joined, any group is
    /// told what it would take over.
    pub(super) fn stats(&mut self, topic: &Topic, group: &Group, now: Moment) -> Stats {
        self.sweep(now);
        let Some(line) = self.line_of(topic, group) else { return Stats::default() };
        let line = &mut self.lines[line];
        line.promote(&mut self.items, now);
        let (mut ready, mut waiting, in_flight) = line.counts();
        if planted("queue-counts-what-waits-as-ready") {
            (ready, waiting) = (ready + waiting, 0);
        }
        let oldest = line.oldest(&self.items).and_then(|sequence| self.items.get(&sequence));
        Stats {
            ready,
            waiting,
            in_flight,
            dead: line.dead.len() as u64,
            oldest: oldest.map(|stored| now.since(stored.published)),
        }
    }

    /// A state record of a consumer's group.
    pub(super) fn record(&self, id: ConsumerId, key: &str) -> Result<Option<Record>> {
        let member = self.members.get(&id).ok_or(Error::Closed)?;
        Ok(self.ledgers[member.ledger].record(key).cloned())
    }

    /// The records of a group whose keys begin with `prefix`, by key.
    pub(super) fn records(&self, group: &Group, prefix: &str) -> Vec<Record> {
        self.groups.get(group).map_or_else(Vec::new, |ledger| self.ledgers[*ledger].records(prefix))
    }

    /// Whether a topic has room for so many more, or is empty.
    pub(super) fn has_room(&mut self, topic: &Topic, items: u64, now: Moment) -> bool {
        self.sweep(now);
        let Some(topic) = self.names.get(topic) else { return true };
        let topic = &self.topics[*topic];
        topic.live == 0 || topic.has_room(items, 0)
    }

    /// When the next lease ends by itself, whoever holds it.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The topic of this name, which is there from its first use on.
    fn topic(&mut self, name: &Topic) -> usize {
        if let Some(topic) = self.names.get(name) {
            return *topic;
        }
        let (topic, line) = (self.topics.len(), self.lines.len());
        self.lines.push(Line::new(topic, 0, None));
        self.topics.push(TopicState::new(name.clone(), self.defaults, line));
        self.names.insert(name.clone(), topic);
        topic
    }

    fn join_topic(&mut self, name: &Topic, group: &Group) -> usize {
        let topic = self.topic(name);
        if let Some(line) = self.line_of(name, group) {
            self.lines[line].group.get_or_insert_with(|| group.clone());
            return line;
        }
        let (line, place) = (self.lines.len(), self.topics[topic].lines.len());
        self.lines.push(Line::new(topic, place, Some(group.clone())));
        self.topics[topic].lines.push(line);
        line
    }

    /// The line of a group, or the one that it would take over.
    fn line_of(&self, topic: &Topic, group: &Group) -> Option<usize> {
        let topic = &self.topics[*self.names.get(topic)?];
        let is_its = |line: &&usize| self.lines[**line].group.as_ref().is_none_or(|owner| owner == group);
        topic.lines.iter().find(is_its).copied()
    }
}
