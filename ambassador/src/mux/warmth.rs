//! Keys move to their new servers when they are first used.

mod settled;
mod steps;
mod waiting;

use std::{collections::HashMap, rc::Rc};

use entourage_core::{Moment, planted};

use self::{
    settled::Settled,
    steps::{Move, ask},
    waiting::{Until, Wait, Waiter, Waiting},
};
use super::{ClientKey, lines::Lines};
use crate::{failure::Failure, pool::Router, protocol::Protocol};

/// So many keys may be on their way before a request that has one on its way waits with the next.
///
/// A move holds its key and at times a value, and what its servers are asked waits to be sent. This many
/// take a few MiB with keys of 100 bytes, keep a server busy for milliseconds, and are far more than a
/// connection has on its way at a time, so that more would not be faster.
const MOVES: usize = 4_096;

/// The pool as it was, for as long as keys are fetched from where they were.
///
/// Before a request of a key goes to the key's new server, the key moves there, in four steps at most: the
/// new server is asked for it, then the old one; it is stored at the new one, and deleted at the
/// old one. So a request finds what it would have found, and a write goes on from what was written
/// before.
///
/// The new server is asked before the old one. What it has may be a leftover, from when it was of the pool
/// before, or the very key, which another proxy has moved and a client has written since. As long as the
/// old server has the key, no proxy has let a client write it at the new one: so where the old
/// server has it *after* the new one was asked, what that had is a leftover or a copy. Asked the other
/// way around, a client's write in between would pass for a leftover.
#[derive(Debug)]
pub(super) struct Warmth {
    before: Router,
    /// The connection to each of the servers before.
    lines: Vec<usize>,
    until: Moment,
    /// How it was before that, where a reload has ended another warm-up before its time.
    earlier: Option<Earlier>,
    settled: Settled,
    /// By numbers that no other move has, before or after: replies may come when it is long over.
    moves: HashMap<u32, Move>,
    next: u32,
    by_key: HashMap<Rc<[u8]>, u32>,
    waiting: Waiting,
}

/// How keys were placed before a warm-up that ended early, and which of them had moved.
#[derive(Debug)]
struct Earlier {
    before: Router,
    settled: Settled,
}

impl Earlier {
    /// Whether a key has stayed at this server, though it belonged elsewhere for a while: what is found
    /// elsewhere is older.
    fn left(&self, key: &[u8], server: &str) -> bool {
        let is_its = |place: usize| &*self.before.targets()[place].name == server;
        !self.settled.has(key) && self.before.server(key).is_ok_and(is_its)
    }
}

/// Whether a request may go to its server.
#[derive(Debug)]
pub(super) enum Pass {
    Go,
    /// A key of it is on its way: who sent it is listed when that has arrived.
    Wait,
    Fail(Failure),
}

/// How a key of a request stands.
enum Stand {
    /// It may be used.
    Fine,
    /// It moves, by this number.
    Moves(u32),
    /// It has to move, and may not yet.
    Crowded,
}

impl Warmth {
    /// Keys were placed so, and their servers had these connections; its moves are numbered from `first`.
    /// `ended` is the warm-up before, if there were keys that it could have moved still.
    pub(super) fn new(
        before: Router,
        lines: Vec<usize>,
        until: Moment,
        first: u32,
        ended: Option<Self>,
    ) -> Self {
        let (settled, moves, by_key, waiting) = Default::default();
        let earlier = ended.map(|Self { before, settled, .. }| Earlier { before, settled });
        Self { before, lines, until, earlier, settled, moves, next: first, by_key, waiting }
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
        self.waiting.clients()
    }

    /// Whether there is no use yet in looking at this client's next request.
    pub(super) fn holds(&self, client: ClientKey) -> bool {
        self.waiting.has(client)
    }

    /// The client is gone.
    pub(super) fn leave(&mut self, client: ClientKey) {
        self.waiting.leave(client);
    }

    /// Whether no key begins to move any more.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.until <= now || self.is_full()
    }

    /// Whether it is over before its time: too many keys were used whose old server could not be asked.
    pub(super) fn is_full(&self) -> bool {
        self.settled.is_full()
    }

    /// Whether no key is on its way.
    pub(super) fn is_still(&self) -> bool {
        self.moves.is_empty()
    }

    /// Whether this client's request may go, whose keys `keys` calls its argument with; has those move
    /// that belong elsewhere.
    pub(super) fn pass<P: Protocol>(
        &mut self,
        protocol: &P,
        client: ClientKey,
        keys: impl FnOnce(&mut dyn FnMut(&[u8])),
        lines: &mut Lines<P>,
        now: Moment,
    ) -> Pass {
        let Wait { number, mut passed, changes, until } = self.waiting.resume(client);
        if let Until::Failed(failure) = until {
            return Pass::Fail(failure);
        }
        if changes != lines.router.changes() {
            passed = 0;
        }
        let (known, mut count, mut begun) = (passed, 0, false);
        let (mut until, mut failed) = (Until::Now, None);
        keys(&mut |key| {
            count += 1;
            if count <= known || failed.is_some() || matches!(until, Until::Room) {
                return;
            }
            let next = self.next;
            match self.stand(protocol, (client, number), key, begun, lines, now) {
                Ok(Stand::Fine) if matches!(until, Until::Now) => passed = count,
                Ok(Stand::Fine) => {}
                Ok(Stand::Moves(last)) => until = Until::Arrival(last),
                Ok(Stand::Crowded) => until = Until::Room,
                Err(failure) => failed = Some(failure),
            }
            begun |= self.next != next;
        });
        if let Some(failure) = failed {
            return Pass::Fail(failure);
        }
        if matches!(until, Until::Now) {
            return Pass::Go;
        }
        self.waiting.wait(client, Wait { number, passed, changes: lines.router.changes(), until });
        Pass::Wait
    }

    /// How a key of this request stands; has it move if it has to and may.
    ///
    /// # Errors
    /// Its new server cannot be asked.
    fn stand<P: Protocol>(
        &mut self,
        protocol: &P,
        waiter: Waiter,
        key: &[u8],
        has_begun: bool,
        lines: &mut Lines<P>,
        now: Moment,
    ) -> Result<Stand, Failure> {
        if let Some(&number) = self.by_key.get(key) {
            let moving = self.moves.get_mut(&number).expect("a key that is named moves");
            if !moving.waiters.contains(&waiter) {
                moving.waiters.push(waiter);
            }
            return Ok(Stand::Moves(number));
        }
        if self.is_over(now) || self.settled.has(key) || planted("warm-up-looks-nowhere") {
            return Ok(Stand::Fine);
        }
        let (Ok(before), Ok(to)) = (self.before.server(key), lines.router.server(key)) else {
            return Ok(Stand::Fine);
        };
        if self.before.targets()[before].name == lines.router.targets()[to].name {
            return Ok(Stand::Fine);
        }
        let from = self.lines[before];
        if !lines.is_reachable(from) {
            self.settled.give_up(key);
            return Ok(Stand::Fine);
        }
        // Each look at a request begins one, however many there are: a single key waits for no others.
        if has_begun && self.moves.len() >= MOVES {
            return Ok(Stand::Crowded);
        }
        let line = lines.open(to, ClientKey::NOBODY, key.len())?;
        let (number, key) = (self.next, Rc::<[u8]>::from(key));
        self.next = self.next.wrapping_add(1);
        let asked = ask(protocol, &key, (line, number), lines, now);
        self.by_key.insert(Rc::clone(&key), number);
        let name = &lines.router.targets()[to].name;
        let is_home = self.earlier.as_ref().is_some_and(|earlier| earlier.left(&key, name));
        self.moves.insert(number, Move::new(key, from, to, is_home, asked, waiter));
        Ok(Stand::Moves(number))
    }
}
