//! Publishing: ids first, then capacity, then the items.

use std::collections::BTreeMap;

use entourage_core::{Moment, planted};

use crate::{
    error::{Error, Result},
    item::{Publication, Published, Topic},
    memory::state::{State, ready::Rank, stored::Stored},
};

/// How many items of each topic a step takes out of it.
pub(super) type Freed = BTreeMap<usize, u64>;

impl State {
    /// Adds every item of the batch, or none.
    pub(in crate::memory) fn publish(
        &mut self,
        batch: Vec<Publication>,
        now: Moment,
    ) -> Result<Vec<Published>> {
        self.sweep(now);
        self.add(batch, &Freed::new(), now)
    }

    /// Adds every item of the batch, or none, where the step it belongs to frees so much.
    pub(super) fn add(
        &mut self,
        batch: Vec<Publication>,
        freed: &Freed,
        now: Moment,
    ) -> Result<Vec<Published>> {
        let topics = self.topics_of(&batch, now);
        let published = self.take_ids(&batch, &topics, now);
        if let Err(error) = self.check_room(&topics, &published, freed) {
            for (topic, published) in topics.iter().zip(&published).rev() {
                if *published == Published::Accepted {
                    self.topics[*topic].ids.undo();
                }
            }
            return Err(error);
        }
        for ((publication, topic), published) in batch.into_iter().zip(&topics).zip(&published) {
            if *published == Published::Accepted {
                self.insert(publication, *topic, now);
            }
        }
        let mut last = None;
        for topic in topics {
            if last != Some(topic) {
                let topic = &mut self.topics[topic];
                topic.ids.shrink(topic.options.dedupe_ids);
            }
            last = Some(topic);
        }
        Ok(published)
    }

    /// The topic of each publication, each with its expired ids forgotten.
    fn topics_of(&mut self, batch: &[Publication], now: Moment) -> Vec<usize> {
        let mut topics = Vec::with_capacity(batch.len());
        let mut last: Option<(&Topic, usize)> = None;
        for publication in batch {
            let topic = match last {
                Some((name, topic)) if *name == publication.topic => topic,
                _ => {
                    let topic = self.topic(&publication.topic);
                    let state = &mut self.topics[topic];
                    state.ids.expire(state.options.dedupe_window, now);
                    topic
                }
            };
            last = Some((&publication.topic, topic));
            topics.push(topic);
        }
        topics
    }

    fn take_ids(&mut self, batch: &[Publication], topics: &[usize], now: Moment) -> Vec<Published> {
        let take = |(publication, topic): (&Publication, &usize)| {
            let is_new = self.topics[*topic].ids.remember(publication.item.id(), (), now);
            if is_new || planted("queue-forgets-ids") { Published::Accepted } else { Published::Duplicate }
        };
        batch.iter().zip(topics).map(take).collect()
    }

    fn check_room(&self, topics: &[usize], published: &[Published], freed: &Freed) -> Result<()> {
        let mut added = BTreeMap::<usize, u64>::new();
        for (topic, published) in topics.iter().zip(published) {
            if *published == Published::Accepted {
                *added.entry(*topic).or_default() += 1;
            }
        }
        for (topic, added) in added {
            let freed =
                if planted("queue-judges-capacity-before-the-step") { None } else { freed.get(&topic) };
            let topic = &self.topics[topic];
            if !topic.has_room(added, freed.copied().unwrap_or(0)) {
                return Err(Error::Full { topic: topic.name.clone(), capacity: topic.options.capacity });
            }
        }
        Ok(())
    }

    fn insert(&mut self, publication: Publication, topic: usize, now: Moment) {
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        let Publication { item, delay, priority, .. } = publication;
        let (rank, due) = (Rank::new(priority, sequence), now + delay);
        let (first, others) = self.topics[topic].lines.split_first().expect("a topic has a first line");
        let mark = self.lines[*first].add(rank, &item, due, now);
        let mut stored = Stored::new(topic, item, priority, now, mark);
        for line in others {
            let mark = self.lines[*line].add(rank, &stored.item, due, now);
            stored.add(mark);
        }
        self.items.insert(sequence, stored);
        self.topics[topic].live += 1;
        self.wakes.receivers = true;
    }
}
