//! What is asked of a queue, drawn from a seed and from how things stand.

use std::time::Duration;

use entourage_queue::{Ask, Item, Publication, StateWrite, SubscribeOptions};

use super::{
    oracle::{Attempt, Oracle, Verb},
    rng::Rng,
};

pub(crate) const CLIENTS: usize = 3;
pub(crate) const TOPICS: [&str; 3] = ["a", "b", "c"];
pub(crate) const GROUPS: [&str; 2] = ["g", "h"];
const KEYS: [&str; 3] = ["k", "l", "m"];
const BUNDLES: [&str; 2] = ["x", "y"];
const RECORDS: [&str; 4] = ["r", "r/1", "r/2", "s"];
const PAYLOAD: usize = 8;

/// One call.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Configure {
        topic: &'static str,
        capacity: u64,
    },
    Publish(Vec<Publication>),
    Subscribe {
        group: usize,
        topics: Vec<&'static str>,
        options: SubscribeOptions,
    },
    Receive {
        consumer: usize,
        ask: Ask,
    },
    Step(Settling),
    /// Applies the step of this place among those that were applied once more.
    Repeat {
        consumer: usize,
        step: usize,
    },
    /// For the delivery of this place among those that are held; so are others named.
    Renew {
        held: usize,
        time: Duration,
    },
    State {
        consumer: usize,
        key: &'static str,
    },
    Records {
        group: usize,
        prefix: &'static str,
    },
    Stats {
        topic: &'static str,
        group: usize,
    },
    Dead {
        topic: &'static str,
        group: usize,
        limit: usize,
    },
    Redrive {
        topic: &'static str,
        group: usize,
        only: Option<Vec<String>>,
    },
    Room {
        topic: &'static str,
        items: u64,
    },
    Close {
        consumer: usize,
    },
    DropReceiver {
        consumer: usize,
    },
    DropDelivery {
        held: usize,
    },
    Advance(Duration),
}

impl Call {
    /// Whose call it is, if that must have been there.
    pub(crate) const fn consumer(&self) -> Option<usize> {
        match self {
            Self::Receive { consumer, .. }
            | Self::Step(Settling { consumer, .. })
            | Self::Repeat { consumer, .. }
            | Self::State { consumer, .. }
            | Self::Close { consumer }
            | Self::DropReceiver { consumer } => Some(*consumer),
            _ => None,
        }
    }
}

/// A step to be made of attempts that somebody holds.
#[derive(Clone, Debug)]
pub(crate) struct Settling {
    pub(crate) consumer: usize,
    pub(crate) name: Option<String>,
    /// Places among the deliveries that are held, each after the former were taken out.
    pub(crate) settle: Vec<(usize, Verb)>,
    pub(crate) publish: Vec<Publication>,
    pub(crate) state: Vec<StateWrite>,
}

/// Draws calls, and remembers the names it gave.
#[derive(Debug)]
pub(crate) struct Draw {
    rng: Rng,
    items: usize,
    names: usize,
    /// The nanoseconds of which all times are multiples.
    grain: u64,
}

impl Draw {
    pub(crate) const fn new(seed: u64, grain: u64) -> Self {
        Self { rng: Rng::new(seed), items: 0, names: 0, grain }
    }

    pub(crate) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Whose call it is, and what it asks.
    pub(crate) fn call(&mut self, oracle: &Oracle, held: &[Attempt], steps: usize) -> (usize, Call) {
        let client = self.rng.below(CLIENTS);
        let all = 0..oracle.consumers.len();
        let mine: Vec<usize> = all.filter(|nth| oracle.consumers[*nth].client == client).collect();
        let open: Vec<usize> = mine.iter().copied().filter(|nth| oracle.consumers[*nth].open).collect();
        if open.is_empty() {
            return (client, self.subscribe());
        }
        // Sometimes one that has been closed.
        let consumer = if self.rng.once_in(15) { self.rng.pick(&mine) } else { self.rng.pick(&open) };
        let (topic, group) = (self.rng.pick(&TOPICS), self.rng.below(GROUPS.len()));
        let call = match self.rng.below(100) {
            0..18 => Call::Publish(self.batch(4)),
            18..42 => Call::Receive { consumer, ask: self.ask(oracle, consumer) },
            42..60 => Call::Step(self.settling(oracle, consumer, held)),
            60..64 if steps > 0 => {
                let consumer = self.rng.pick(&mine);
                Call::Repeat { consumer, step: self.rng.below(steps) }
            }
            64..67 if !held.is_empty() => {
                let time = Duration::from_secs(self.rng.below(90) as u64 + 1);
                Call::Renew { held: self.rng.below(held.len()), time }
            }
            67..69 => Call::State { consumer: self.rng.pick(&open), key: self.rng.pick(&RECORDS) },
            69..70 => Call::Records { group, prefix: self.rng.pick(&["", "r", "r/", "z"]) },
            70..78 => Call::Stats { topic, group },
            78..80 => Call::Dead { topic, group, limit: self.rng.below(4) + 1 },
            80..82 => Call::Redrive { topic, group, only: self.some_dead(oracle, topic, group) },
            82..84 => Call::Room { topic, items: self.rng.below(16) as u64 + 1 },
            84 => Call::Close { consumer },
            85 if oracle.consumers[consumer].open => Call::DropReceiver { consumer },
            86..88 => self.subscribe(),
            88 => Call::Configure { topic, capacity: self.rng.below(40) as u64 + 1 },
            89..92 if !held.is_empty() => Call::DropDelivery { held: self.rng.below(held.len()) },
            _ => Call::Advance(self.while_away(oracle)),
        };
        (client, call)
    }

    pub(crate) fn subscribe(&mut self) -> Call {
        let mut topics = vec![self.rng.pick(&TOPICS)];
        let other = self.rng.pick(&TOPICS);
        if self.rng.once_in(3) && !topics.contains(&other) {
            topics.push(other);
        }
        let seconds = |rng: &mut Rng, choices: &[u64]| Duration::from_secs(rng.pick(choices));
        let options = SubscribeOptions::new()
            .with_lease(seconds(&mut self.rng, &[9, 30]))
            .with_time_limit(seconds(&mut self.rng, &[15, 40, 3600]))
            .with_delivery_limit(self.rng.pick(&[1, 2, 3, 5]));
        Call::Subscribe { group: self.rng.below(GROUPS.len()), topics, options }
    }

    fn batch(&mut self, most: usize) -> Vec<Publication> {
        (0..self.rng.below(most) + 1).map(|_| self.publication()).collect()
    }

    fn publication(&mut self) -> Publication {
        let rng = &mut self.rng;
        let known = self.items > 0 && rng.once_in(7);
        let number = if known { rng.below(self.items) } else { self.items };
        self.items += usize::from(!known);
        let mut item = Item::new(format!("item-{number}"), vec![b'.'; PAYLOAD]);
        if rng.once_in(2) {
            item = item.with_key(rng.pick(&KEYS));
        }
        if rng.once_in(2) {
            item = item.with_bundle(rng.pick(&BUNDLES));
        }
        if rng.once_in(8) {
            item = item.with_headers([("n".to_owned(), number.to_string())]);
        }
        let delay = if rng.once_in(6) { rng.below(20) as u64 } else { 0 };
        let priority = if rng.once_in(4) { rng.pick(&[1, 9, 255]) } else { 0 };
        Publication::new(rng.pick(&TOPICS), item).delayed(Duration::from_secs(delay)).priority(priority)
    }

    fn ask(&mut self, oracle: &Oracle, consumer: usize) -> Ask {
        let rng = &mut self.rng;
        let max = rng.below(5) + 1;
        let mut ask = Ask::up_to(max).at_least(1 + rng.below(3).min(max - 1));
        if rng.once_in(3) {
            ask = ask.same_bundle();
        }
        if rng.once_in(4) {
            ask = ask.max_bytes(PAYLOAD * rng.below(4));
        }
        let waits = rng.once_in(6) && oracle.consumers[consumer].open;
        ask.wait(if waits { self.while_away(oracle) } else { Duration::ZERO })
    }

    fn settling(&mut self, oracle: &Oracle, consumer: usize, held: &[Attempt]) -> Settling {
        let rng = &mut self.rng;
        // Sometimes of anybody.
        let anybody = rng.once_in(12);
        let (mut held, mut settle) = (held.to_vec(), Vec::new());
        while settle.len() < 4 && !(settle.len() > 1 && rng.once_in(3)) {
            let is_mine = |nth: &usize| anybody || held[*nth].consumer == consumer;
            let mine: Vec<usize> = (0..held.len()).filter(is_mine).collect();
            if mine.is_empty() {
                break;
            }
            let place = rng.pick(&mine);
            held.remove(place);
            let after = Duration::from_secs(if rng.once_in(2) { rng.below(15) as u64 } else { 0 });
            let verb = match rng.below(10) {
                0..6 => Verb::Accept,
                6..8 => Verb::Release { after, retry: true },
                8 => Verb::Release { after, retry: false },
                _ => Verb::Reject,
            };
            settle.push((place, verb));
        }
        let name = (rng.once_in(3) || (settle.is_empty() && !rng.once_in(20))).then(|| {
            let known = self.names > 0 && rng.once_in(20);
            let number = if known { rng.below(self.names) } else { self.names };
            self.names += usize::from(!known);
            format!("step-{number}")
        });
        let mut state = Vec::new();
        for key in RECORDS {
            if rng.once_in(8) {
                let group = oracle.consumers[consumer].group;
                let found = oracle.record(group, key).map_or(0, |record| record.version);
                let expected = match rng.below(10) {
                    0 => Some(found + 1),
                    1..4 => None,
                    _ => Some(found),
                };
                let value = (!rng.once_in(5)).then(|| rng.below(100).to_string().into());
                state.push(StateWrite { key: key.into(), expected, value });
            }
        }
        let publish = if self.rng.once_in(2) { self.batch(3) } else { Vec::new() };
        Settling { consumer, name, settle, publish, state }
    }

    fn some_dead(&mut self, oracle: &Oracle, topic: &str, group: usize) -> Option<Vec<String>> {
        if self.rng.once_in(2) {
            return None;
        }
        let mut ids = vec!["never-heard-of".to_owned()];
        for entry in oracle.dead(topic, group) {
            if self.rng.once_in(2) {
                ids.push(entry.publication.item.id().as_str().to_owned());
            }
        }
        Some(ids)
    }

    /// Some time, most often up to just before, at or just after a moment that matters.
    fn while_away(&mut self, oracle: &Oracle) -> Duration {
        let deadlines = oracle.deadlines();
        if deadlines.is_empty() || self.rng.once_in(3) {
            return Duration::from_millis(self.rng.below(12_000) as u64 + 1);
        }
        let grain = self.grain;
        let at = (self.rng.pick(&deadlines) - oracle.now) / grain * grain;
        Duration::from_nanos(match self.rng.below(4) {
            0 => at.saturating_sub(grain),
            1 => at + grain,
            _ => at,
        })
    }
}
