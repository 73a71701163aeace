//! Steps: what is in the way of one, what it does, and what is remembered of it.

use std::time::Duration;

use entourage_queue::{Applied, Publication, Record, StateWrite};

use super::{Attempt, Oracle, Status, nanos};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Accept,
    Release { after: Duration, retry: bool },
    Reject,
}

/// What is in a step's way. It is refused for the first kind that there is, and of conflicts
/// and full topics for any.
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

impl Oracle {
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
                obstacles.conflicts.push((write.key.to_string(), expected, found));
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

    pub(super) fn settle(&mut self, attempt: Attempt, verb: Verb, reason: &str) {
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

    pub(super) fn write(&mut self, group: usize, write: &StateWrite) -> u64 {
        let place = (group, write.key.to_string());
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
}
