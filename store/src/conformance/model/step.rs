//! What the clients do, drawn from a seed before anything runs.
//!
//! A step names keys, sessions, versions and watches by small numbers that are taken modulo
//! what there is when it runs, so that any part of a sequence is a sequence.

use super::rng::Rng;
use crate::Order;

/// So many clients, each with a handle, sessions and watches of its own.
pub(crate) const CLIENTS: usize = 3;

/// The keys that the clients write: within each other's prefixes, and beside them.
pub(crate) const KEYS: [&str; 9] = ["a", "a/", "a/1", "a/2", "a/2/x", "ab", "b", "b/\u{10ffff}", "é"];

/// The prefixes that they list and watch.
pub(crate) const PREFIXES: [&str; 6] = ["", "a", "a/", "b", "b/", "none"];

/// One call by one client, or the passing of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) client: usize,
    pub(crate) call: Call,
}

/// A call, by numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Get { key: usize },
    List(Wanted),
    Transact { demands: Vec<Demand>, writes: Vec<Write> },
    Swap { key: usize, expected: Expected },
    Open { seconds: u64 },
    Resume { session: usize, foreign: bool },
    Renew { session: usize },
    End { session: usize },
    Watch { prefix: usize, after: Option<usize> },
    Next { watch: usize, count: usize },
    Rewatch { watch: usize },
    Advance(Span),
}

/// A listing, by numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) prefix: usize,
    pub(crate) exact: bool,
    pub(crate) after: Option<usize>,
    pub(crate) order: Order,
    pub(crate) created_below: Option<usize>,
    pub(crate) limit: Option<usize>,
}

/// A condition, by numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// What is there now, which holds.
    AsItIs {
        key: usize,
        by_creation: bool,
    },
    Absent {
        key: usize,
    },
    Present {
        key: usize,
    },
    Version {
        key: usize,
        version: usize,
    },
    Created {
        key: usize,
        version: usize,
    },
    Holds {
        session: usize,
        fence: Token,
    },
}

/// Which fence is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// The one that this incarnation was granted.
    Own,
    /// Its epoch plus one.
    Forged,
    /// The same in another realm.
    Foreign,
}

/// A write, by numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Put { key: usize, value: u8, session: Option<usize>, foreign: bool },
    Delete { key: usize },
}

/// What a compare-and-swap expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Absent,
    AsItIs,
    Other,
}

/// How much time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Millis(u64),
    /// Up to a session's deadline, give or take so many of the shortest times that it tells.
    ToDeadline {
        session: usize,
        off_by: i64,
    },
}

/// The steps of a seed.
pub(crate) fn draw(seed: u64, length: usize) -> Vec<Step> {
    let mut rng = Rng::new(seed);
    (0..length).map(|_| Step { client: rng.below(CLIENTS), call: call(&mut rng) }).collect()
}

fn call(rng: &mut Rng) -> Call {
    let key = rng.below(KEYS.len());
    let any = rng.below(64);
    match rng.below(100) {
        0..8 => Call::Get { key },
        8..18 => Call::List(wanted(rng)),
        18..55 => transact(rng),
        55..60 => {
            Call::Swap { key, expected: rng.pick(&[Expected::Absent, Expected::AsItIs, Expected::Other]) }
        }
        60..65 => Call::Open { seconds: rng.pick(&[1, 2, 5, 8, 20]) },
        65..69 => Call::Resume { session: any, foreign: rng.once_in(8) },
        69..75 => Call::Renew { session: any },
        75..77 => Call::End { session: any },
        77..82 => {
            let after = (!rng.once_in(3)).then(|| rng.below(1000));
            Call::Watch { prefix: rng.below(PREFIXES.len()), after }
        }
        82..93 => Call::Next { watch: any, count: rng.pick(&[1, 2, 5, 100]) },
        93..95 => Call::Rewatch { watch: any },
        95..97 => Call::Advance(Span::Millis(rng.pick(&[1, 100, 700]))),
        _ => Call::Advance(Span::ToDeadline { session: any, off_by: rng.pick(&[-1, 0, 0, 1]) }),
    }
}

fn wanted(rng: &mut Rng) -> Wanted {
    let order = rng.pick(&[Order::Key, Order::Key, Order::Created, Order::CreatedDescending]);
    let may_follow = order == Order::Key || rng.once_in(10);
    Wanted {
        prefix: rng.below(PREFIXES.len()),
        exact: rng.once_in(6),
        after: (may_follow && rng.once_in(3)).then(|| rng.below(KEYS.len())),
        order,
        created_below: rng.once_in(3).then(|| rng.below(1000)),
        limit: (!rng.once_in(3)).then(|| rng.below(5)),
    }
}

fn transact(rng: &mut Rng) -> Call {
    let demands = (0..rng.pick(&[0, 0, 1, 1, 2, 3])).map(|_| demand(rng)).collect();
    let mut writes: Vec<Write> = Vec::new();
    for _ in 0..rng.pick(&[0, 1, 1, 1, 2, 3]) {
        let write = write(rng);
        // Seldom twice, because that is refused whole.
        if !writes.iter().any(|other| other.key() == write.key()) || rng.once_in(12) {
            writes.push(write);
        }
    }
    Call::Transact { demands, writes }
}

fn demand(rng: &mut Rng) -> Demand {
    let (key, version) = (rng.below(KEYS.len()), rng.below(1000));
    match rng.below(16) {
        0 => Demand::Absent { key },
        1 => Demand::Present { key },
        2 => Demand::Version { key, version },
        3 => Demand::Created { key, version },
        4..7 => {
            let fence = match rng.below(12) {
                0 => Token::Foreign,
                1 => Token::Forged,
                _ => Token::Own,
            };
            Demand::Holds { session: rng.below(64), fence }
        }
        _ => Demand::AsItIs { key, by_creation: rng.once_in(2) },
    }
}

fn write(rng: &mut Rng) -> Write {
    let key = rng.below(KEYS.len());
    if rng.once_in(4) {
        return Write::Delete { key };
    }
    let session = rng.once_in(2).then(|| rng.below(64));
    Write::Put { key, value: rng.pick(&[0, 1, 2, 3]), session, foreign: rng.once_in(40) }
}

impl Write {
    const fn key(&self) -> usize {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => *key,
        }
    }
}
