//! A queue that is too simple to be wrong: one list of items, looked through from the start.

use std::{collections::BTreeMap, time::Duration};

use entourage_queue::{Applied, Publication, Published, Record, StateWrite, Stats, SubscribeOptions};

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

#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Accept,
    Release { after: Duration, retry: bool },
    Reject,
}

/// Why a step would not be applied: any of these may be the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Obstacles {
    pub(crate) stale: Vec<String>,
    pub(crate) conflicts: Vec<(String, u64, u64)>,
    pub(crate) full: Vec<(String, u64)>,
}

impl Obstacles {
    pub(crate) fn is_empty(&self) -> bool {
        self.stale.is_empty() && self.conflicts.is_empty() && self.full.is_empty()
    }
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

    /// Items that some group has not settled.
    pub(crate) fn live(&self, topic: &str) -> u64 {
        self.live_without(topic, &[])
    }

    /// Items that would be live after these attempts were settled.
    fn live_without(&self, topic: &str, settled: &[Attempt]) -> u64 {
        let goes = |entry: &&Entry| {
            settled.iter().any(|one| entry.sequence == one.sequence && entry.group == Some(one.group))
        };
        let mut last = None;
        let stays = self.entries.iter().filter(|entry| entry.is_unsettled() && !goes(entry));
        let of_topic = stays.filter(|entry| entry.publication.topic.as_str() == topic);
        of_topic.filter(|entry| last.replace(entry.sequence) != Some(entry.sequence)).count() as u64
    }

    fn clone_entries(&self) -> Self {
        Self { entries: self.entries.clone(), ..Self::default() }
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

    /// What became of each, or the topics that would be too full.
    pub(crate) fn publish(&mut self, batch: &[Publication]) -> Result<Vec<Published>, Vec<(String, u64)>> {
        let published = self.judge(batch);
        let full = self.too_full(batch, &published, &[]);
        if !full.is_empty() {
            return Err(full);
        }
        self.add(batch, &published);
        Ok(published)
    }

    fn judge(&self, batch: &[Publication]) -> Vec<Published> {
        let mut published = Vec::new();
        for (nth, publication) in batch.iter().enumerate() {
            let (name, id) = (publication.topic.as_str(), publication.item.id());
            let topic = self.topic(name);
            let since = |at: Time| at + nanos(topic.window) > self.now;
            let known = topic.remembered.iter().any(|(known, at)| known == id.as_str() && since(*at));
            let earlier = batch[..nth].iter().zip(&published);
            let twice = earlier.clone().any(|(other, published)| {
                *published == Published::Accepted && other.topic == publication.topic && other.item.id() == id
            });
            published.push(if known || twice { Published::Duplicate } else { Published::Accepted });
        }
        published
    }

    fn too_full(
        &self,
        batch: &[Publication],
        published: &[Published],
        settled: &[Attempt],
    ) -> Vec<(String, u64)> {
        let mut full = Vec::new();
        for topic in &self.topics {
            let new = batch.iter().zip(published).filter(|(publication, published)| {
                **published == Published::Accepted && publication.topic.as_str() == topic.name
            });
            let new = new.count() as u64;
            if new > 0 {
                let after = self.live_without(topic.name, settled) + new;
                if after > self.live(topic.name) && after > topic.capacity {
                    full.push((topic.name.to_owned(), topic.capacity));
                }
            }
        }
        full
    }

    fn add(&mut self, batch: &[Publication], published: &[Published]) {
        for (publication, published) in batch.iter().zip(published) {
            if *published != Published::Accepted {
                continue;
            }
            self.sequence += 1;
            let (now, sequence) = (self.now, self.sequence);
            let topics = &mut self.topics;
            let topic = topics.iter_mut().find(|topic| topic.name == publication.topic.as_str());
            let topic = topic.expect("topics are configured first");
            topic.remembered.retain(|(_, at)| at + nanos(topic.window) > now);
            topic.remembered.push((publication.item.id().as_str().to_owned(), now));
            let groups = if topic.groups.is_empty() {
                vec![None]
            } else {
                topic.groups.iter().copied().map(Some).collect()
            };
            self.entries.extend(groups.into_iter().map(|group| Entry {
                sequence,
                group,
                publication: publication.clone(),
                published: now,
                due: now + nanos(publication.delay),
                retries: 0,
                lapses: 0,
                status: Status::Idle,
            }));
        }
        for topic in &mut self.topics {
            let excess = topic.remembered.len().saturating_sub(topic.ids);
            topic.remembered.drain(..excess);
        }
    }

    /// What a step of this id did when it was applied before.
    pub(crate) fn recall(&self, group: usize, id: &str) -> Option<Applied> {
        let applied = self.steps.get(&(group, id.to_owned()))?;
        Some(Applied { repeated: true, ..applied.clone() })
    }

    /// Applies a step, or says what is in its way.
    pub(crate) fn step(
        &mut self,
        consumer: usize,
        id: &str,
        settled: &[(Attempt, Verb, String)],
        publish: &[Publication],
        writes: &[StateWrite],
    ) -> Result<Applied, Obstacles> {
        let group = self.consumers[consumer].group;
        let mut obstacles = Obstacles::default();
        for (attempt, _, name) in settled {
            if attempt.consumer != consumer || !self.holds(*attempt) {
                obstacles.stale.push(name.clone());
            }
        }
        for write in writes {
            let found = self.record(group, &write.key).map_or(0, |record| record.version);
            if let Some(expected) = write.expected.filter(|expected| *expected != found) {
                obstacles.conflicts.push((write.key.clone(), expected, found));
            }
        }
        let published = self.judge(publish);
        let gone = settled.iter().filter(|(_, verb, _)| !matches!(verb, Verb::Release { .. }));
        let gone: Vec<Attempt> = gone.map(|(attempt, ..)| *attempt).collect();
        obstacles.full = self.too_full(publish, &published, &gone);
        if !obstacles.is_empty() {
            return Err(obstacles);
        }
        for (attempt, verb, reason) in settled {
            self.settle(*attempt, *verb, reason);
        }
        self.add(publish, &published);
        let state = writes.iter().map(|write| self.write(group, write)).collect();
        let applied = Applied { published, state, repeated: false };
        self.steps.insert((group, id.to_owned()), applied.clone());
        Ok(applied)
    }

    fn settle(&mut self, attempt: Attempt, verb: Verb, reason: &str) {
        let Attempt { sequence, group, .. } = attempt;
        let now = self.now;
        let entry = self.find(sequence, group).expect("it is held");
        match verb {
            Verb::Accept => {
                self.entries.retain(|entry| entry.sequence != sequence || entry.group != Some(group));
            }
            Verb::Release { after, retry } => {
                entry.retries += u32::from(retry);
                (entry.status, entry.due) = (Status::Idle, now + nanos(after));
            }
            Verb::Reject => {
                let attempts = entry.retries + entry.lapses + 1;
                entry.status = Status::Dead { reason: Some(reason.to_owned()), attempts };
            }
        }
    }

    fn write(&mut self, group: usize, write: &StateWrite) -> u64 {
        let place = (group, write.key.clone());
        let Some(value) = write.value.clone() else {
            self.state.remove(&place);
            return 0;
        };
        let version = self.record(group, &write.key).map_or(0, |record| record.version) + 1;
        self.state.insert(place, Record { key: write.key.clone(), value, version });
        version
    }

    pub(crate) fn record(&self, group: usize, key: &str) -> Option<&Record> {
        self.state.get(&(group, key.to_owned()))
    }

    pub(crate) fn records(&self, group: usize, prefix: &str) -> Vec<Record> {
        let of_group =
            self.state.iter().filter(|((owner, key), _)| *owner == group && key.starts_with(prefix));
        of_group.map(|(_, record)| record.clone()).collect()
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

    /// How many were redriven, or that the topic would be too full.
    pub(crate) fn redrive(&mut self, topic: &str, group: usize, only: Option<&[String]>) -> Result<u64, u64> {
        let named = |entry: &Entry| {
            only.is_none_or(|ids| ids.iter().any(|id| id == entry.publication.item.id().as_str()))
        };
        let chosen: Vec<u64> =
            self.dead(topic, group).iter().filter(|entry| named(entry)).map(|entry| entry.sequence).collect();
        let (before, capacity, now) = (self.live(topic), self.topic(topic).capacity, self.now);
        let mut after = self.clone_entries();
        for sequence in &chosen {
            let entry = after.find(*sequence, group).expect("it was found");
            (entry.status, entry.due, entry.retries, entry.lapses) = (Status::Idle, now, 0, 0);
        }
        let live = after.live(topic);
        if live > before && live > capacity {
            return Err(capacity);
        }
        self.entries = after.entries;
        Ok(chosen.len() as u64)
    }

    pub(crate) fn has_room(&self, topic: &str, items: u64) -> bool {
        let live = self.live(topic);
        live == 0 || live + items <= self.topic(topic).capacity
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
