//! Keys move to their new servers when they are first used.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    rc::Rc,
};

use bytes::Bytes;
use entourage_core::{Moment, planted};

use super::{ClientKey, lines::Lines};
use crate::{
    failure::{Cause, Failure},
    frame::Frame,
    pool::Router,
    protocol::{Fetched, Protocol},
};

/// So many keys are remembered as settled; the next is asked for again at its old server.
const REMEMBERED: usize = 1 << 20;

/// The pool as it was, for as long as keys are fetched from where they were.
///
/// Before a request of a key goes to the key's new server, the key moves there: it is fetched
/// from the old server, stored at the new one unless it has one, and deleted at the old one. So a
/// request finds what it would have found, and a write goes on from what was written before.
#[derive(Debug)]
pub(super) struct Warmth {
    before: Router,
    /// The connection to each of the servers before.
    lines: Vec<usize>,
    pub(super) until: Moment,
    /// Keys that are where they belong, by their hashes.
    settled: HashSet<u128>,
    hashers: [RandomState; 2],
    /// By numbers that no other move has, before or after: replies may come when it is long over.
    moves: HashMap<u32, Move>,
    next: u32,
    by_key: HashMap<Box<[u8]>, u32>,
}

/// A key on its way.
#[derive(Debug)]
struct Move {
    key: Box<[u8]>,
    /// The connection to its old server.
    from: usize,
    /// Its new server.
    to: usize,
    step: Step,
    waiters: Vec<ClientKey>,
}

#[derive(Debug)]
enum Step {
    /// The old server is asked for it; what has come of that.
    Fetch(Vec<Option<Bytes>>),
    /// The new server is told of it.
    Store,
    /// The old server is told to forget it.
    Discard,
    /// It is not known where it is: who waits is told so, and whoever comes next tries again.
    Failed(Failure),
}

/// Whether a request may go to its server.
#[derive(Debug)]
pub(super) enum Pass {
    Go,
    /// A key of it is on its way: who sent it is listed when that has arrived.
    Wait,
    Fail(Failure),
}

impl Warmth {
    /// Keys were placed so, and their servers had these connections; its moves are numbered from `first`.
    pub(super) fn new(before: Router, lines: Vec<usize>, until: Moment, first: u32) -> Self {
        let (settled, hashers, moves, by_key) = Default::default();
        Self { before, lines, until, settled, hashers, moves, next: first, by_key }
    }

    /// The number of the move that would be the next.
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    /// A server is reached over another connection from now on.
    pub(super) fn replaced(&mut self, line: usize, by: usize) {
        let moves = self.moves.values_mut().map(|moving| &mut moving.from);
        self.lines.iter_mut().chain(moves).filter(|known| **known == line).for_each(|known| *known = by);
    }

    /// The connections to the servers before.
    pub(super) fn lines(&self) -> &[usize] {
        &self.lines
    }

    /// The clients that wait for a key.
    pub(super) fn waiters(&self) -> impl Iterator<Item = ClientKey> {
        self.moves.values().flat_map(|moving| moving.waiters.iter().copied())
    }

    /// Whether no key is on its way.
    pub(super) fn is_still(&self) -> bool {
        self.moves.values().all(|moving| matches!(moving.step, Step::Failed(_)))
    }

    /// Whether this client's request of these keys may go; has those move that belong elsewhere.
    pub(super) fn pass<P: Protocol>(
        &mut self,
        protocol: &P,
        client: ClientKey,
        keys: &[Box<[u8]>],
        lines: &mut Lines<P>,
        now: Moment,
    ) -> Pass {
        let mut waits = false;
        for key in keys {
            let settled = self.hash(key);
            if self.settled.contains(&settled) || planted("warm-up-looks-nowhere") {
                continue;
            }
            if let Some(&number) = self.by_key.get(key) {
                let moving = self.moves.get_mut(&number).expect("a key that is named moves");
                let waited = moving.waiters.contains(&client);
                match &moving.step {
                    Step::Failed(failure) if waited => {
                        let failure = failure.clone();
                        self.forget(number);
                        return Pass::Fail(failure);
                    }
                    Step::Failed(_) => {
                        self.forget(number);
                    }
                    _ => {
                        if !waited {
                            moving.waiters.push(client);
                        }
                        waits = true;
                        continue;
                    }
                }
            }
            waits |= self.begin(protocol, client, key, lines, now);
        }
        if waits { Pass::Wait } else { Pass::Go }
    }

    /// Has a key move if it belongs elsewhere than before; says whether it does.
    fn begin<P: Protocol>(
        &mut self,
        protocol: &P,
        client: ClientKey,
        key: &[u8],
        lines: &mut Lines<P>,
        now: Moment,
    ) -> bool {
        let (Ok(before), Ok(to)) = (self.before.server(key), lines.router.server(key)) else { return false };
        let from = self.lines[before];
        let is_reachable = lines.upstreams.get(from).is_some_and(|upstream| upstream.shut.is_none());
        if self.before.targets()[before].name == lines.router.targets()[to].name || !is_reachable {
            return false;
        }
        let (number, mut asked) = (self.next, 0);
        self.next = self.next.wrapping_add(1);
        protocol.fetch(key, &mut |expected, request| {
            lines.queue(from, waiter(number, asked), expected, now, |out| out.bytes(request));
            asked += 1;
        });
        let step = Step::Fetch(vec![None; usize::from(asked)]);
        self.moves.insert(number, Move { key: key.into(), from, to, step, waiters: vec![client] });
        self.by_key.insert(key.into(), number);
        true
    }

    /// What came of a step of a move; those who waited for it, once it is at its end.
    pub(super) fn step<P: Protocol>(
        &mut self,
        protocol: &P,
        (number, part): (u32, u16),
        outcome: Result<Frame<'_>, Failure>,
        lines: &mut Lines<P>,
        now: Moment,
    ) -> Vec<ClientKey> {
        let Some(moving) = self.moves.get_mut(&number) else { return Vec::new() };
        let reply = match (outcome, &moving.step) {
            (Ok(reply), _) => reply,
            // What cannot be had is missing: the server may be gone for good.
            (Err(failure), Step::Fetch(_)) if !failure.cause.may_be_done() => return self.settle(number),
            (Err(failure), _) => return self.fail(number, failure),
        };
        match &mut moving.step {
            Step::Fetch(replies) => {
                replies[usize::from(part)] = Some(reply.keep());
                let Some(replies) = replies.iter().cloned().collect::<Option<Vec<_>>>() else {
                    return Vec::new();
                };
                let (expected, request) = match protocol.store(&moving.key, &replies) {
                    Fetched::Nothing => {
                        lines.stats.keys_missing += 1;
                        return self.settle(number);
                    }
                    Fetched::Amiss => {
                        let server = Rc::clone(&lines.upstreams[moving.from].name);
                        return self.fail(number, Failure { cause: Cause::Lied, server });
                    }
                    Fetched::Store(expected, request) => (expected, request),
                };
                moving.step = Step::Store;
                match lines.open(moving.to, ClientKey::NOBODY, request.len()) {
                    Ok(line) => {
                        let request = Bytes::from(request);
                        lines.queue(line, waiter(number, 0), expected, now, |out| out.share(request));
                        Vec::new()
                    }
                    Err(failure) => self.fail(number, failure),
                }
            }
            Step::Store if protocol.is_stored(&reply) => {
                moving.step = Step::Discard;
                let (expected, request) = protocol.discard(&moving.key);
                lines.queue(moving.from, waiter(number, 0), expected, now, |out| out.bytes(&request));
                Vec::new()
            }
            Step::Store => {
                let server = Rc::clone(&lines.router.targets()[moving.to].name);
                self.fail(number, Failure { cause: Cause::Unmoved, server })
            }
            Step::Discard => {
                lines.stats.keys_moved += 1;
                self.settle(number)
            }
            Step::Failed(_) => Vec::new(),
        }
    }

    /// The key is where it belongs.
    fn settle(&mut self, number: u32) -> Vec<ClientKey> {
        let Some(moving) = self.moves.get(&number) else { return Vec::new() };
        let settled = self.hash(&moving.key);
        if self.settled.len() >= REMEMBERED {
            self.settled.clear();
        }
        self.settled.insert(settled);
        self.forget(number)
    }

    fn fail(&mut self, number: u32, failure: Failure) -> Vec<ClientKey> {
        let Some(moving) = self.moves.get_mut(&number) else { return Vec::new() };
        moving.step = Step::Failed(failure);
        moving.waiters.clone()
    }

    fn forget(&mut self, number: u32) -> Vec<ClientKey> {
        let Some(Move { key, waiters, .. }) = self.moves.remove(&number) else { return Vec::new() };
        self.by_key.remove(&key);
        waiters
    }

    fn hash(&self, key: &[u8]) -> u128 {
        let [high, low] = &self.hashers;
        u128::from(high.hash_one(key)) << 64 | u128::from(low.hash_one(key))
    }
}

/// Who waits for the reply to a step: the move of this number.
const fn waiter(number: u32, part: u16) -> (ClientKey, u32, u16) {
    (ClientKey::NOBODY, number, part)
}
