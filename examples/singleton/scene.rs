//! Who leads, who waits, and how each hand-over went: what is known, without any drawing.

use std::collections::BTreeMap;

use anyhow::Result;
use entourage::{
    core::Moment,
    store::{Change, Entry, Version},
};

use crate::{
    counter::{COUNTER, Count, ELECTION},
    event::{Event, What},
    handover::{Cause, Handover, seconds},
    member::{Member, State},
};

/// All that is known.
#[derive(Debug)]
pub struct Scene {
    pub began: Moment,
    pub replicas: Vec<Member>,
    /// The contenders' keys in the store, by creation: the first is the leader's.
    queue: BTreeMap<(Version, String), String>,
    pub counter: Option<Count>,
    /// How many different epochs wrote the counter.
    pub epochs: u64,
    pub writes: u64,
    pub handovers: Vec<Handover>,
    /// From when until when nobody led.
    pub gaps: Vec<(Moment, Option<Moment>)>,
    vacant: Option<(Moment, usize, Cause)>,
    highest: u64,
    /// Writes that came from a leader before the one that wrote last.
    pub stale: u64,
    /// What may never happen, and did.
    pub broken: Vec<String>,
    /// What happened, for people.
    pub log: Vec<(Moment, String)>,
}

impl Scene {
    pub fn new(began: Moment, names: impl IntoIterator<Item = String>) -> Self {
        Self {
            began,
            replicas: names.into_iter().map(Member::new).collect(),
            queue: BTreeMap::new(),
            counter: None,
            epochs: 0,
            writes: 0,
            handovers: Vec::new(),
            gaps: vec![(began, None)],
            vacant: None,
            highest: 0,
            stale: 0,
            broken: Vec::new(),
            log: Vec::new(),
        }
    }

    pub fn name(&self, place: usize) -> &str {
        &self.replicas[place].name
    }

    pub fn leader(&self) -> Option<usize> {
        self.replicas.iter().position(|replica| replica.state() == State::Leads)
    }

    /// Its place in the store's queue, from 0, which is the leader's.
    pub fn queued(&self, place: usize) -> Option<usize> {
        self.queue.values().position(|name| name == self.name(place))
    }

    pub fn note(&mut self, at: Moment, text: impl Into<String>) {
        self.log.push((at, text.into()));
    }

    /// The process was started, or goes on.
    pub fn waits(&mut self, at: Moment, place: usize) {
        self.replicas[place].is(at, State::Waits);
    }

    /// The process leads no longer, or will not: it has ended, stands still, or was asked to end.
    pub fn leaves(&mut self, at: Moment, place: usize, cause: Cause) {
        let replica = &mut self.replicas[place];
        let led = replica.state() == State::Leads;
        replica.epoch = None;
        replica.is(
            at,
            match cause {
                Cause::Killed | Cause::Released => State::Down,
                Cause::Paused => State::Paused,
                Cause::Lost => State::Waits,
            },
        );
        if led {
            self.vacant = Some((at, place, cause));
            self.gaps.push((at, None));
        }
    }

    /// A replica says something of itself.
    pub fn hears(&mut self, place: usize, event: Event) {
        let (at, name) = (event.at, self.name(place).to_owned());
        match event.what {
            What::Campaigns => self.waits(at, place),
            What::Leads { epoch } => self.leads(at, place, epoch),
            What::Lost { epoch } => {
                self.note(at, format!("{name} knows that it leads no longer under epoch {epoch}"));
                // Of a pause or a kill it is known already.
                if self.replicas[place].state() == State::Leads {
                    self.leaves(at, place, Cause::Lost);
                }
            }
            What::Refused { epoch } => {
                self.replicas[place].refused += 1;
                self.note(
                    at,
                    format!("{name} writes under epoch {epoch} all the same: refused by the store"),
                );
            }
            What::Wrote { .. } => {}
            What::Failed(why) => self.note(at, format!("{name} could not write: {why}")),
        }
    }

    fn leads(&mut self, at: Moment, place: usize, epoch: u64) {
        if epoch <= self.highest {
            self.broken.push(format!(
                "{} leads under epoch {epoch}, after {}",
                self.name(place),
                self.highest
            ));
        }
        self.highest = self.highest.max(epoch);
        self.replicas[place].epoch = Some(epoch);
        self.replicas[place].is(at, State::Leads);
        if let Some((_, end)) = self.gaps.last_mut().filter(|(_, end)| end.is_none()) {
            *end = Some(at);
        }
        let mut how = String::new();
        if let Some((since, from, cause)) = self.vacant.take() {
            let gap = at.since(since);
            how = format!(", {} after {} was {}", seconds(gap), self.name(from), cause.name());
            self.handovers.push(Handover { cause, from, to: place, epoch, gap });
        }
        self.note(at, format!("{} leads under epoch {epoch}{how}", self.name(place)));
    }

    /// The store's state as it was listed, in place of what was known.
    pub fn lists(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<()> {
        self.queue.clear();
        for entry in entries {
            if entry.key == COUNTER {
                // What happened in between was not seen, so there is nothing to compare it with.
                self.counter = Some(Count::decode(&entry.value)?);
            } else {
                self.sees(Change::Put(entry))?;
            }
        }
        Ok(())
    }

    /// The store has changed.
    pub fn sees(&mut self, change: Change) -> Result<()> {
        let contends = |key: &str| key.strip_prefix(ELECTION).is_some_and(|rest| rest.starts_with('/'));
        match change {
            Change::Put(entry) if entry.key == COUNTER => self.counts(Count::decode(&entry.value)?),
            Change::Put(entry) if contends(&entry.key) => {
                let name = String::from_utf8_lossy(&entry.value).into_owned();
                self.queue.insert((entry.created, entry.key), name);
            }
            Change::Delete { key, .. } => self.queue.retain(|(_, queued), _| *queued != key),
            _ => {}
        }
        Ok(())
    }

    /// Each write adds one to the last, and none comes from a leader before the last one's.
    fn counts(&mut self, next: Count) {
        let Count { count, epoch, ref writer } = next;
        if let Some(last) = &self.counter {
            if epoch < last.epoch {
                self.stale += 1;
                let Count { epoch: later, writer: by, .. } = last;
                self.broken
                    .push(format!("{writer} wrote under epoch {epoch}, after {by} under epoch {later}"));
            }
            if count != last.count + 1 {
                self.broken.push(format!("{writer} wrote {count} after {}", last.count));
            }
        }
        self.epochs += u64::from(self.counter.as_ref().is_none_or(|last| last.epoch != epoch));
        self.writes += 1;
        if let Some(replica) = self.replicas.iter_mut().find(|replica| replica.name == *writer) {
            replica.writes += 1;
        }
        self.counter = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entourage::{
        core::Moment,
        store::{Change, Entry, Version},
    };

    use super::Scene;
    use crate::{
        counter::{COUNTER, Count},
        event::{Event, What},
        handover::Cause,
        member::State,
    };

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    fn scene() -> Scene {
        Scene::new(at(0), ["a", "b"].map(str::to_owned))
    }

    fn says(scene: &mut Scene, place: usize, millis: u64, what: What) {
        scene.hears(place, Event { at: at(millis), what });
    }

    fn wrote(count: u64, epoch: u64, writer: &str) -> Change {
        let value = Count { count, epoch, writer: writer.to_owned() }.encode();
        put(COUNTER, count, value)
    }

    fn put(key: &str, version: u64, value: impl Into<bytes::Bytes>) -> Change {
        let version = Version::new(version);
        Change::Put(Entry { key: key.to_owned(), value: value.into(), version, created: version })
    }

    #[test]
    fn a_hand_over_is_measured_from_the_kill_to_the_next_leaders_first_moment() {
        let mut scene = scene();
        says(&mut scene, 0, 10, What::Leads { epoch: 3 });
        assert_eq!((scene.leader(), scene.handovers.len()), (Some(0), 0));
        scene.leaves(at(2_000), 0, Cause::Killed);
        assert_eq!(scene.leader(), None);
        says(&mut scene, 1, 4_610, What::Leads { epoch: 9 });
        let handover = &scene.handovers[0];
        assert_eq!((handover.cause, handover.from, handover.to, handover.epoch), (Cause::Killed, 0, 1, 9));
        assert_eq!(handover.gap, Duration::from_millis(2_610));
        assert_eq!(scene.gaps, [(at(0), Some(at(10))), (at(2_000), Some(at(4_610)))]);
        assert!(scene.broken.is_empty());
        let states = [0, 11, 1_999, 2_000, 9_000].map(|millis| scene.replicas[0].state_at(at(millis)));
        assert_eq!(states, [State::Down, State::Leads, State::Leads, State::Down, State::Down]);
    }

    #[test]
    fn a_paused_leader_that_goes_on_counts_its_refusal_and_opens_no_second_gap() {
        let mut scene = scene();
        says(&mut scene, 0, 10, What::Leads { epoch: 3 });
        scene.leaves(at(20), 0, Cause::Paused);
        says(&mut scene, 1, 30, What::Leads { epoch: 4 });
        scene.waits(at(40), 0);
        says(&mut scene, 0, 41, What::Lost { epoch: 3 });
        says(&mut scene, 0, 42, What::Refused { epoch: 3 });
        assert_eq!((scene.leader(), scene.handovers.len(), scene.gaps.len()), (Some(1), 1, 2));
        assert_eq!((scene.replicas[0].refused, scene.replicas[0].state()), (1, State::Waits));
        assert!(scene.broken.is_empty());
    }

    #[test]
    fn a_write_of_a_former_leader_and_a_lost_write_are_told() {
        let mut scene = scene();
        for change in [wrote(7, 3, "a"), wrote(8, 3, "a"), wrote(9, 5, "b")] {
            scene.sees(change).unwrap();
        }
        assert!(scene.broken.is_empty());
        assert_eq!((scene.writes, scene.epochs, scene.replicas[0].writes), (3, 2, 2));
        scene.sees(wrote(10, 3, "a")).unwrap();
        assert_eq!((scene.broken.len(), scene.stale), (1, 1));
        scene.sees(wrote(10, 5, "b")).unwrap();
        assert_eq!(scene.broken.len(), 2, "{:?}", scene.broken);
    }

    #[test]
    fn an_epoch_that_is_no_higher_is_told() {
        let mut scene = scene();
        says(&mut scene, 0, 10, What::Leads { epoch: 3 });
        scene.leaves(at(20), 0, Cause::Killed);
        says(&mut scene, 1, 30, What::Leads { epoch: 3 });
        assert_eq!(scene.broken.len(), 1);
    }

    #[test]
    fn the_queue_is_in_the_order_in_which_its_keys_were_created() {
        let mut scene = scene();
        scene.sees(put("singleton/f", 2, "b")).unwrap();
        scene.sees(put("singleton/0", 5, "a")).unwrap();
        scene.sees(put("singleton-of-others", 6, "a")).unwrap();
        assert_eq!((scene.queued(1), scene.queued(0)), (Some(0), Some(1)));
        scene.sees(Change::Delete { key: "singleton/f".to_owned(), version: Version::new(7) }).unwrap();
        assert_eq!((scene.queued(1), scene.queued(0)), (None, Some(0)));
    }
}
