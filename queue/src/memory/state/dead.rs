//! Dead letters: inspected and redriven.

use std::collections::BTreeSet;

use entourage_core::Moment;

use crate::{
    error::{Error, Result},
    item::{Group, ItemId, Topic},
    memory::state::State,
    stats::{Dead, Redrive},
};

impl State {
    /// Up to `limit` dead letters of a group, in the order of their publishing.
    pub(in crate::memory) fn dead(
        &mut self,
        topic: &Topic,
        group: &Group,
        limit: usize,
        now: Moment,
    ) -> Vec<Dead> {
        self.sweep(now);
        let Some(line) = self.line_of(topic, group) else { return Vec::new() };
        let dead = self.lines[line].dead.iter().take(limit);
        dead.filter_map(|(sequence, mark)| {
            let item = self.items.get(sequence)?.item.clone();
            Some(Dead { item, reason: mark.reason.clone(), attempts: mark.attempts })
        })
        .collect()
    }

    /// Makes dead letters of a group ready again, all that were named or none.
    pub(in crate::memory) fn redrive(
        &mut self,
        topic: &Topic,
        group: &Group,
        which: &Redrive,
        now: Moment,
    ) -> Result<u64> {
        self.sweep(now);
        let Some(line) = self.line_of(topic, group) else { return Ok(0) };
        let sequences = self.dead_among(line, which);
        // An item that another group has yet to settle is there already.
        let is_gone = |sequence: &&u64| self.items.get(*sequence).is_some_and(|stored| stored.unsettled == 0);
        let added = sequences.iter().filter(is_gone).count() as u64;
        let topic = &mut self.topics[self.lines[line].topic];
        if !topic.has_room(added, 0) {
            return Err(Error::Full { topic: topic.name.clone(), capacity: topic.options.capacity });
        }
        topic.live += added;
        for sequence in &sequences {
            if let Some(stored) = self.items.get_mut(sequence) {
                stored.dead -= 1;
                stored.unsettled += 1;
            }
            self.lines[line].redrive(&mut self.items, *sequence, now);
        }
        self.wakes.receivers = true;
        self.counts.redriven.add(sequences.len() as u64);
        Ok(sequences.len() as u64)
    }

    fn dead_among(&self, line: usize, which: &Redrive) -> Vec<u64> {
        let dead = self.lines[line].dead.keys();
        let Redrive::Only(ids) = which else { return dead.copied().collect() };
        let ids: BTreeSet<&ItemId> = ids.iter().collect();
        let is_named =
            |sequence: &&u64| self.items.get(*sequence).is_some_and(|stored| ids.contains(stored.item.id()));
        dead.filter(is_named).copied().collect()
    }
}
