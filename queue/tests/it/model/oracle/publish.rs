//! What a topic holds, and what it takes.

use entourage_queue::{Publication, Published};

use super::{Attempt, Entry, Oracle, Status, Time, nanos};

impl Oracle {
    /// Items that some group has not settled.
    pub(crate) fn live(&self, topic: &str) -> u64 {
        self.live_without(topic, &[])
    }

    /// Items that would be live after these attempts were settled.
    pub(super) fn live_without(&self, topic: &str, settled: &[Attempt]) -> u64 {
        let goes = |entry: &&Entry| {
            settled.iter().any(|one| entry.sequence == one.sequence && entry.group == Some(one.group))
        };
        let mut last = None;
        let stays = self.entries.iter().filter(|entry| entry.is_unsettled() && !goes(entry));
        let of_topic = stays.filter(|entry| entry.publication.topic.as_str() == topic);
        of_topic.filter(|entry| last.replace(entry.sequence) != Some(entry.sequence)).count() as u64
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

    pub(super) fn judge(&self, batch: &[Publication]) -> Vec<Published> {
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

    pub(super) fn too_full(
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

    pub(super) fn add(&mut self, batch: &[Publication], published: &[Published]) {
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

    pub(super) fn clone_entries(&self) -> Self {
        Self { entries: self.entries.clone(), ..Self::default() }
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
}
