//! What managers did to the queue and by their workers, as the queue and the world saw it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use entourage_queue::{Applied, Delivery, Published, Step};

/// How an attempt was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Dead,
    Retried,
    GivenBack,
}

/// An item as it was delivered.
#[derive(Clone, Debug)]
pub(super) struct Delivered {
    pub(super) name: String,
    pub(super) epoch: u64,
    pub(super) lapses: u32,
}

/// What was done until now, by all managers.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Published, and neither done nor dead.
    pub(super) open: BTreeSet<String>,
    /// The names of the attempts that were delivered and not settled, by epoch.
    pub(super) held: BTreeMap<u64, String>,
    /// What those held who were killed, until it is delivered again.
    pub(super) lost: BTreeMap<u64, String>,
    pub(super) deliveries: Vec<Delivered>,
    /// Names and epochs of what workers did.
    pub(super) effects: Vec<(String, u64)>,
    /// What the queue took as the end of an attempt, by epoch.
    pub(super) settled: BTreeMap<u64, (String, End)>,
    /// What may never be.
    pub(super) wrong: Vec<String>,
}

/// Writes down what is done.
#[derive(Debug, Default)]
pub(super) struct Deeds(Mutex<Seen>);

/// What a step is to do.
#[derive(Debug)]
pub(super) struct Plan {
    published: Vec<String>,
    settled: Vec<(String, u64, End)>,
}

impl Plan {
    pub(super) fn of(step: &Step) -> Self {
        let of =
            |delivery: &Delivery, end| (delivery.id().as_str().to_owned(), delivery.receipt().epoch, end);
        let done = step.accept.iter().map(|delivery| of(delivery, End::Done));
        let dead = step.reject.iter().map(|rejection| of(&rejection.delivery, End::Dead));
        let back = step
            .release
            .iter()
            .map(|release| of(&release.delivery, if release.retry { End::Retried } else { End::GivenBack }));
        let published =
            step.publish.iter().map(|publication| publication.item.id().as_str().to_owned()).collect();
        Self { published, settled: done.chain(dead).chain(back).collect() }
    }
}

impl Deeds {
    /// All of it until now.
    pub(super) fn seen(&self) -> Seen {
        self.with(|seen| seen.clone())
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    pub(super) fn delivered(&self, delivery: &Delivery) {
        let (name, epoch) = (delivery.id().as_str().to_owned(), delivery.receipt().epoch);
        self.with(|seen| {
            seen.lost.retain(|_, lost| *lost != name);
            seen.held.insert(epoch, name.clone());
            seen.deliveries.push(Delivered { name, epoch, lapses: delivery.lapses() });
        });
    }

    /// A delivery was dropped, and so given back.
    pub(super) fn given_back(&self, epoch: u64) {
        self.with(|seen| seen.held.remove(&epoch));
    }

    /// Whoever held something holds it no more, and has not given it back.
    pub(super) fn ended(&self) {
        self.with(|seen| seen.lost.append(&mut seen.held));
    }

    /// The queue took a step.
    pub(super) fn applied(&self, plan: Plan, applied: &Applied) {
        if !applied.repeated {
            self.with(|seen| seen.apply(plan, applied));
        }
    }
}

impl Seen {
    fn apply(&mut self, plan: Plan, applied: &Applied) {
        for (name, epoch, end) in plan.settled {
            self.held.remove(&epoch);
            if matches!(end, End::Done | End::Dead) && !self.open.remove(&name) {
                self.wrong.push(format!("{name} ended ({end:?}), and was not in the queue"));
            }
            if let Some((_, before)) = self.settled.insert(epoch, (name.clone(), end)) {
                self.wrong.push(format!("attempt {epoch} at {name} was settled twice: {before:?}, {end:?}"));
            }
        }
        for (name, published) in plan.published.into_iter().zip(&applied.published) {
            if *published == Published::Accepted && !self.open.insert(name.clone()) {
                self.wrong.push(format!("{name} was published twice at a time"));
            }
        }
    }

    /// How the attempts at `name` were settled, in their order.
    pub(super) fn ends(&self, name: &str) -> Vec<End> {
        let of_name = self.settled.values().filter(|(of, _)| of == name);
        of_name.map(|(_, end)| *end).collect()
    }

    /// The names that are done or dead letters.
    pub(super) fn finished(&self) -> BTreeSet<&str> {
        let is_over = |(_, end): &&(String, End)| matches!(end, End::Done | End::Dead);
        self.settled.values().filter(is_over).map(|(name, _)| name.as_str()).collect()
    }
}
