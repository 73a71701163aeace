//! Whether each item of a queue had its effect.

use std::collections::BTreeMap;

use crate::history::{Event, Taken, What};

/// Which effects the sink lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effects {
    /// At most one for each item: it checks fences, or knows the ids.
    Once,
    /// All: an item may have several where a fault explains each one after the first.
    Repeated,
}

/// Why a history of a queue is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenQueue {
    /// Q1: an accepted item had neither an effect nor a place among the dead letters.
    #[error("item {id:?} was accepted and lost")]
    Lost {
        /// The item.
        id: String,
    },
    /// Q1: an item that was settled as done, and is a dead letter too.
    #[error("item {id:?} is both done and dead")]
    DoneAndDead {
        /// The item.
        id: String,
    },
    /// Work on an item that nobody published, or whose publication was refused.
    #[error("item {id:?} was worked on and never published")]
    Phantom {
        /// The item.
        id: String,
    },
    /// Q2: two attempts were told that they settled the item as done.
    #[error("item {id:?} was settled twice, first by {first:?} and then by {second:?}")]
    SettledTwice {
        /// The item.
        id: String,
        /// Who was told first.
        first: String,
        /// Who was told too.
        second: String,
    },
    /// Q2: a sink that lets one effect through for each item let a second one through.
    #[error("item {id:?} had its effect twice, in the attempts {first} and {second}")]
    EffectTwice {
        /// The item.
        id: String,
        /// The attempt of the first effect.
        first: u64,
        /// The attempt of the second.
        second: u64,
    },
    /// Q2: a second effect, and nothing that happened to the first attempt explains it.
    #[error("item {id:?} had a second effect in attempt {attempt} which no fault explains")]
    Unexplained {
        /// The item.
        id: String,
        /// The attempt.
        attempt: u64,
    },
    /// Q6: of two items of a key, the later had its effect first.
    #[error("of key {key:?}, {later:?} had its effect before {earlier:?}")]
    OutOfOrder {
        /// The key.
        key: String,
        /// The item that was published first.
        earlier: String,
        /// The item that had its effect first.
        later: String,
    },
    /// An effect of an attempt that its worker never began.
    #[error("attempt {attempt} of item {id:?} had an effect and never started")]
    NeverStarted {
        /// The item.
        id: String,
        /// The attempt.
        attempt: u64,
    },
}

/// What is known of one item.
#[derive(Debug, Default)]
struct Life<'a> {
    key: Option<&'a str>,
    /// When the first publication was answered.
    published: usize,
    accepted: bool,
    perhaps: bool,
    starts: Vec<Attempt<'a>>,
    effects: Vec<Attempt<'a>>,
    done: Vec<&'a str>,
    dead: bool,
}

#[derive(Clone, Copy, Debug)]
struct Attempt<'a> {
    place: usize,
    worker: &'a str,
    number: u64,
}

/// Whether the items of a *finished* run had their effects: none lost (Q1), none both done and
/// dead (Q1), none repeated without a reason (Q2), and those of a key in order (Q6).
///
/// The sink's word counts, not the workers'. Items of a key are in the order in which their
/// publications were first answered, so let one publisher publish them, and go on to
/// the next when the former is accepted. For Q6, effects of an item that became a dead letter
/// are not looked at: redriven, it comes late.
///
/// # Errors
/// The first promise that is broken.
pub fn check_effects(events: &[Event], effects: Effects) -> Result<(), BrokenQueue> {
    let lives = lives(events);
    let troubles = Troubles::new(events);
    for (id, life) in &lives {
        let id = || (*id).to_owned();
        let active =
            !life.starts.is_empty() || !life.effects.is_empty() || !life.done.is_empty() || life.dead;
        if active && !life.accepted && !life.perhaps {
            return Err(BrokenQueue::Phantom { id: id() });
        }
        if life.accepted && life.effects.is_empty() && !life.dead {
            return Err(BrokenQueue::Lost { id: id() });
        }
        if life.dead && !life.done.is_empty() {
            return Err(BrokenQueue::DoneAndDead { id: id() });
        }
        if let [first, second, ..] = life.done[..] {
            return Err(BrokenQueue::SettledTwice {
                id: id(),
                first: first.to_owned(),
                second: second.to_owned(),
            });
        }
        for effect in &life.effects {
            let began = |start: &Attempt<'_>| start.number == effect.number && start.place < effect.place;
            if !life.starts.iter().any(began) {
                return Err(BrokenQueue::NeverStarted { id: id(), attempt: effect.number });
            }
        }
        for pair in life.effects.windows(2) {
            let [first, second] = [pair[0], pair[1]];
            if effects == Effects::Once {
                return Err(BrokenQueue::EffectTwice {
                    id: id(),
                    first: first.number,
                    second: second.number,
                });
            }
            if !troubles.explain(first, second) {
                return Err(BrokenQueue::Unexplained { id: id(), attempt: second.number });
            }
        }
    }
    check_order(&lives)
}

fn lives(events: &[Event]) -> BTreeMap<&str, Life<'_>> {
    let mut lives: BTreeMap<&str, Life<'_>> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        match &event.what {
            What::Enqueue { id, key, res } => {
                let life = lives.entry(id).or_default();
                if !life.accepted && !life.perhaps {
                    life.published = place;
                }
                life.key = life.key.or(key.as_deref());
                life.accepted |= *res == Taken::Ok;
                life.perhaps |= *res == Taken::Unknown;
            }
            What::Start { id, worker, attempt } => {
                lives.entry(id).or_default().starts.push(Attempt { place, worker, number: *attempt });
            }
            What::Effect { id, worker, attempt, ok: true } => {
                lives.entry(id).or_default().effects.push(Attempt { place, worker, number: *attempt });
            }
            What::Ack { id, worker, ok: true } => lives.entry(id).or_default().done.push(worker),
            What::Dead { id } => lives.entry(id).or_default().dead = true,
            _ => {}
        }
    }
    lives
}

/// What can make an attempt end without a word.
#[derive(Debug)]
struct Troubles<'a> {
    kills: Vec<(usize, &'a str)>,
    faults: Vec<(usize, Option<&'a str>)>,
}

impl<'a> Troubles<'a> {
    fn new(events: &'a [Event]) -> Self {
        let kill = |(place, event): (usize, &'a Event)| match &event.what {
            What::Kill { worker } => Some((place, worker.as_str())),
            _ => None,
        };
        let fault = |(place, event): (usize, &'a Event)| match &event.what {
            What::Fault { worker, .. } => Some((place, worker.as_deref())),
            _ => None,
        };
        Self {
            kills: events.iter().enumerate().filter_map(kill).collect(),
            faults: events.iter().enumerate().filter_map(fault).collect(),
        }
    }

    /// Whether the first attempt's worker died between the two effects, or one of the two was
    /// paused or cut off before: either attempt may be the late one. A history does not say how
    /// long a fault lasted, nor when an attempt was granted, so any earlier one will do.
    fn explain(&self, first: Attempt<'_>, second: Attempt<'_>) -> bool {
        let died = |(place, worker): &(usize, &str)| {
            *worker == first.worker && (first.place..second.place).contains(place)
        };
        let befell = |(place, worker): &(usize, Option<&str>)| {
            *place < second.place
                && worker.is_none_or(|worker| [first.worker, second.worker].contains(&worker))
        };
        self.kills.iter().any(died) || self.faults.iter().any(befell)
    }
}

fn check_order(lives: &BTreeMap<&str, Life<'_>>) -> Result<(), BrokenQueue> {
    let mut keys: BTreeMap<&str, Vec<(usize, usize, &str)>> = BTreeMap::new();
    for (id, life) in lives {
        if let (Some(key), Some(effect), false) = (life.key, life.effects.first(), life.dead) {
            keys.entry(key).or_default().push((life.published, effect.place, id));
        }
    }
    for (key, mut items) in keys {
        items.sort_unstable();
        for pair in items.windows(2) {
            let [(_, first, earlier), (_, second, later)] = [pair[0], pair[1]];
            if second < first {
                let (key, earlier, later) = (key.to_owned(), earlier.to_owned(), later.to_owned());
                return Err(BrokenQueue::OutOfOrder { key, earlier, later });
            }
        }
    }
    Ok(())
}
