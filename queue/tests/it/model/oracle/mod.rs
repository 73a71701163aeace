//! A queue that is too simple to be wrong: one list of items, looked through from the start.

mod publish;
mod step;

use std::{collections::BTreeMap, time::Duration};

use entourage_queue::{Applied, Publication, Record, Stats, SubscribeOptions};

pub(crate) use self::step::{Obstacles, Verb};

/// Nanoseconds since the run's start.
pub(crate) type Time = u64;

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What has become of an item for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Idle,
    Leased { consumer: usize, limit: Time },
    Dead { reason: Option<String>, attempts: u32 },
}

/// An item, as one group has it before it. What the group has settled is not in the list.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    /// Nobody's before the topic's first group joins.
    pub(crate) group: Option<usize>,
    pub(crate) publication: Publication,
    pub(crate) published: Time,
    pub(crate) due: Time,
    pub(crate) retries: u32,
    pub(crate) lapses: u32,
    pub(crate) status: Status,
}

impl Entry {
    pub(crate) fn is_of(&self, topic: &str, group: usize) -> bool {
        self.group == Some(group) && self.publication.topic.as_str() == topic
    }

    fn is_unsettled(&self) -> bool {
        !matches!(self.status, Status::Dead { .. })
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    pub(crate) capacity: u64,
    pub(crate) window: Duration,
    pub(crate) ids: usize,
    remembered: Vec<(String, Time)>,
    pub(crate) groups: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) client: usize,
    pub(crate) group: usize,
    pub(crate) topics: Vec<&'static str>,
    pub(crate) options: SubscribeOptions,
    pub(crate) until: Time,
    beats_at: Time,
    pub(crate) open: bool,
}

/// One attempt, as whoever holds its delivery knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) sequence: u64,
    pub(crate) group: usize,
    pub(crate) consumer: usize,
    pub(crate) epoch: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) now: Time,
    pub(crate) entries: Vec<Entry>,
    pub(crate) topics: Vec<Topic>,
    pub(crate) consumers: Vec<Consumer>,
    /// Which attempt is the last one of an item and group.
    epochs: BTreeMap<(u64, usize), u64>,
    steps: BTreeMap<(usize, String), Applied>,
    state: BTreeMap<(usize, String), Record>,
    sequence: u64,
}

impl Oracle {
    pub(crate) fn configure(&mut self, name: &'static str, capacity: u64, window: Duration, ids: usize) {
        match self.topics.iter_mut().find(|topic| topic.name == name) {
            Some(topic) => (topic.capacity, topic.window, topic.ids) = (capacity, window, ids),
            None => {
                let (remembered, groups) = (Vec::new(), Vec::new());
                self.topics.push(Topic { name, capacity, window, ids, remembered, groups });
            }
        }
    }

    pub(crate) fn topic(&self, name: &str) -> &Topic {
        self.topics.iter().find(|topic| topic.name == name).expect("topics are configured first")
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now += nanos(by);
        self.sweep();
        for consumer in &mut self.consumers {
            if consumer.open && consumer.beats_at <= self.now {
                consumer.until = self.now + nanos(consumer.options.lease);
                consumer.beats_at = self.now + nanos(consumer.options.lease / 3);
            }
        }
    }

    /// Ends what is over: a lease has ended at its deadline.
    fn sweep(&mut self) {
        let (now, consumers) = (self.now, &self.consumers);
        for entry in &mut self.entries {
            let Status::Leased { consumer, limit } = entry.status else { continue };
            let consumer = &consumers[consumer];
            if consumer.until > now && limit > now {
                continue;
            }
            entry.lapses += 1;
            entry.due = now;
            entry.status = if entry.lapses < consumer.options.delivery_limit {
                Status::Idle
            } else {
                Status::Dead { reason: None, attempts: entry.retries + entry.lapses }
            };
        }
    }

    pub(crate) fn subscribe(
        &mut self,
        client: usize,
        group: usize,
        topics: &[&'static str],
        options: SubscribeOptions,
    ) -> usize {
        for topic in self.topics.iter_mut().filter(|topic| topics.contains(&topic.name)) {
            if topic.groups.is_empty() {
                let backlog = self.entries.iter_mut().filter(|entry| entry.group.is_none());
                for entry in backlog.filter(|entry| entry.publication.topic.as_str() == topic.name) {
                    entry.group = Some(group);
                }
            }
            if !topic.groups.contains(&group) {
                topic.groups.push(group);
            }
        }
        self.consumers.push(Consumer {
            client,
            group,
            topics: topics.to_vec(),
            options,
            until: self.now + nanos(options.lease),
            beats_at: self.now + nanos(options.lease / 3),
            open: true,
        });
        self.consumers.len() - 1
    }

    pub(crate) fn close(&mut self, consumer: usize) {
        self.consumers[consumer].open = false;
        for entry in &mut self.entries {
            if matches!(entry.status, Status::Leased { consumer: holder, .. } if holder == consumer) {
                entry.status = Status::Idle;
                entry.due = self.now;
            }
        }
    }

    fn is_blocked(&self, entry: &Entry) -> bool {
        let Some(key) = entry.publication.item.key() else { return false };
        self.entries.iter().any(|other| {
            other.sequence != entry.sequence
                && other.group == entry.group
                && other.publication.topic == entry.publication.topic
                && other.publication.item.key() == Some(key)
                && match other.status {
                    Status::Idle => other.sequence < entry.sequence,
                    Status::Leased { .. } => true,
                    Status::Dead { .. } => false,
                }
        })
    }

    fn is_ready(&self, entry: &Entry) -> bool {
        entry.status == Status::Idle && entry.due <= self.now && !self.is_blocked(entry)
    }

    /// What can be received, in its order.
    pub(crate) fn ready(&self, topic: &str, group: usize) -> Vec<&Entry> {
        let of_group = self.entries.iter().filter(|entry| entry.is_of(topic, group));
        let mut ready: Vec<_> = of_group.filter(|entry| self.is_ready(entry)).collect();
        ready.sort_by_key(|entry| (255 - entry.publication.priority, entry.sequence));
        ready
    }

    /// A receive is a sign of life.
    pub(crate) fn touch(&mut self, consumer: usize) {
        let consumer = &mut self.consumers[consumer];
        consumer.until = self.now + nanos(consumer.options.lease);
    }

    pub(crate) fn lease(&mut self, consumer: usize, sequence: u64, epoch: u64) -> Attempt {
        let Consumer { group, options, .. } = &self.consumers[consumer];
        let (group, limit) = (*group, self.now.saturating_add(nanos(options.time_limit)));
        let entry = self.find(sequence, group).expect("what is leased was ready");
        entry.status = Status::Leased { consumer, limit };
        self.epochs.insert((sequence, group), epoch);
        Attempt { sequence, group, consumer, epoch }
    }

    fn find(&mut self, sequence: u64, group: usize) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.sequence == sequence && entry.group == Some(group))
    }

    pub(crate) fn holds(&self, attempt: Attempt) -> bool {
        let Attempt { sequence, group, consumer, epoch } = attempt;
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.sequence == sequence && entry.group == Some(group));
        let leased = entry.is_some_and(
            |entry| matches!(entry.status, Status::Leased { consumer: holder, .. } if holder == consumer),
        );
        leased && self.epochs.get(&(sequence, group)) == Some(&epoch)
    }

    pub(crate) fn give_back(&mut self, attempt: Attempt) {
        if self.holds(attempt) {
            let now = self.now;
            let entry = self.find(attempt.sequence, attempt.group).expect("it is held");
            (entry.status, entry.due) = (Status::Idle, now);
        }
    }

    pub(crate) fn renew(&mut self, attempt: Attempt, time: Duration) -> bool {
        let holds = self.holds(attempt);
        if holds {
            let until = self.now.saturating_add(nanos(time));
            let entry = self.find(attempt.sequence, attempt.group).expect("it is held");
            entry.status = Status::Leased { consumer: attempt.consumer, limit: until };
        }
        holds
    }

    pub(crate) fn stats(&self, topic: &str, group: usize) -> Stats {
        let mut stats = Stats::default();
        for entry in self.entries.iter().filter(|entry| entry.is_of(topic, group)) {
            match entry.status {
                Status::Dead { .. } => stats.dead += 1,
                Status::Leased { .. } => stats.in_flight += 1,
                Status::Idle if self.is_ready(entry) => stats.ready += 1,
                Status::Idle => stats.waiting += 1,
            }
            if entry.is_unsettled() && stats.oldest.is_none() {
                stats.oldest = Some(Duration::from_nanos(self.now - entry.published));
            }
        }
        stats
    }

    pub(crate) fn dead(&self, topic: &str, group: usize) -> Vec<&Entry> {
        let of_group = self.entries.iter().filter(|entry| entry.is_of(topic, group));
        of_group.filter(|entry| !entry.is_unsettled()).collect()
    }

    /// The moments at which something ends or becomes due.
    pub(crate) fn deadlines(&self) -> Vec<Time> {
        let of_entry = |entry: &Entry| match entry.status {
            Status::Idle => vec![entry.due],
            Status::Leased { consumer, limit } => vec![limit, self.consumers[consumer].until],
            Status::Dead { .. } => Vec::new(),
        };
        self.entries.iter().flat_map(of_entry).filter(|at| *at > self.now).collect()
    }
}
