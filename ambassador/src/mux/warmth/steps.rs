//! The steps of a key on its way.

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use entourage_core::{Moment, planted};

use super::{MOVES, Settled, Waiter, Warmth};
use crate::{
    failure::{Cause, Failure},
    frame::Frame,
    mux::{ClientKey, lines::Lines},
    protocol::{Fetched, Protocol, Value},
};

/// Times to live that differ by no more are those of one value: they were told one after the other, and
/// servers of memcached count whole seconds, each by a clock of its own.
const SLACK: Duration = Duration::from_secs(2);

/// A key on its way.
#[derive(Debug)]
pub(super) struct Move {
    key: Rc<[u8]>,
    /// The connection to its old server.
    pub(super) from: usize,
    /// Its new server.
    to: usize,
    /// It had the key before the last reload too, and has it still if it has any: then the old one's is the
    /// leftover.
    is_home: bool,
    step: Step,
    pub(super) waiters: Vec<Waiter>,
}

#[derive(Debug)]
enum Step {
    /// The new server is asked for it; what it has answered, which is empty where it was too long.
    Ask(Vec<Option<Bytes>>),
    /// The new server has this, and the old one is asked; what that has answered.
    Fetch(There, Vec<Option<Bytes>>),
    /// The new server is told of it.
    Store,
    /// The old server is told to forget it.
    Discard,
}

/// What the new server has of a key that moves there.
#[derive(Debug)]
enum There {
    Nothing,
    /// A value, by its hash, and how long it lives: the values of thousands of moves would be too much.
    Value(u128, Option<Duration>),
    /// More than can be moved, so another value than any that is.
    TooLong,
}

impl There {
    /// Whether it is the value of this hash, which lives so long.
    fn is(&self, hash: u128, left: Option<Duration>) -> bool {
        matches!(*self, Self::Value(there, lives) if there == hash && match (lives, left) {
            (Some(lives), Some(left)) => lives.abs_diff(left) <= SLACK,
            (lives, left) => lives == left,
        })
    }
}

/// How far a move has come.
enum Progress {
    /// There is more to be answered.
    Goes,
    /// The key is where it belongs, and nowhere else.
    Arrived,
    /// It is used where it belongs, whatever its old server has.
    GivenUp,
}

impl Move {
    /// A key whose new server is asked; its replies are to come here.
    pub(super) fn new(
        key: Rc<[u8]>,
        from: usize,
        to: usize,
        is_home: bool,
        asked: Vec<Option<Bytes>>,
        waiter: Waiter,
    ) -> Self {
        Self { key, from, to, is_home, step: Step::Ask(asked), waiters: vec![waiter] }
    }
}

impl Warmth {
    /// What came of a step of a move; those whose requests are to be looked at again.
    pub(in crate::mux) fn step<P: Protocol>(
        &mut self,
        protocol: &P,
        (number, part): (u32, u16),
        outcome: Result<Frame<'_>, Failure>,
        lines: &mut Lines<P>,
        now: Moment,
    ) -> Vec<ClientKey> {
        let Some(moving) = self.moves.get_mut(&number) else { return Vec::new() };
        let progress = moving.advance(protocol, &self.settled, (number, part), outcome, lines, now);
        if matches!(progress, Ok(Progress::Goes)) {
            return Vec::new();
        }
        let Some(Move { key, waiters, .. }) = self.moves.remove(&number) else { return Vec::new() };
        self.by_key.remove(&key);
        let mut woken = match progress {
            Err(failure) => self.waiting.failed(&failure, waiters),
            Ok(progress) => {
                match progress {
                    Progress::GivenUp => self.settled.give_up(&key),
                    _ => self.settled.arrive(&key),
                }
                self.waiting.arrived(number, waiters)
            }
        };
        // Not for each that has ended: a long request is looked at as a whole.
        if self.moves.len() <= MOVES / 2 {
            woken.extend(self.waiting.room());
        }
        woken
    }
}

impl Move {
    /// # Errors
    /// It is not known where the key is: who waits is told so, and whoever comes next begins anew.
    fn advance<P: Protocol>(
        &mut self,
        protocol: &P,
        settled: &Settled,
        (number, part): (u32, u16),
        outcome: Result<Frame<'_>, Failure>,
        lines: &mut Lines<P>,
        now: Moment,
    ) -> Result<Progress, Failure> {
        let unmoved = |lines: &Lines<P>| {
            let server = Rc::clone(&lines.router.targets()[self.to].name);
            Failure { cause: Cause::Unmoved, server }
        };
        let reply = match (outcome, &self.step) {
            (Ok(reply), _) => reply,
            (Err(failure), Step::Ask(_)) if failure.cause == Cause::TooLong => Frame::Lent(b""),
            // What cannot be had is missing: the server may be gone for good.
            (Err(failure), Step::Fetch(..)) if !failure.cause.may_be_done() => return Ok(Progress::GivenUp),
            (Err(failure), _) => return Err(failure),
        };
        match &mut self.step {
            Step::Ask(replies) => {
                let Some(replies) = gather(replies, part, reply) else { return Ok(Progress::Goes) };
                let there = match protocol.fetched(&replies) {
                    _ if replies.iter().any(Bytes::is_empty) => There::TooLong,
                    Fetched::Nothing => There::Nothing,
                    Fetched::Value(value) => There::Value(hash(settled, &value), value.left),
                    Fetched::Amiss => return Err(unmoved(lines)),
                };
                if !lines.is_reachable(self.from) {
                    return Ok(Progress::GivenUp);
                }
                lines.fits(self.from, self.key.len())?;
                self.step = Step::Fetch(there, ask(protocol, &self.key, (self.from, number), lines, now));
            }
            Step::Fetch(there, replies) => {
                let Some(replies) = gather(replies, part, reply) else { return Ok(Progress::Goes) };
                let value = match protocol.fetched(&replies) {
                    Fetched::Nothing => {
                        lines.stats.keys_missing += 1;
                        return Ok(Progress::Arrived);
                    }
                    Fetched::Amiss => {
                        let server = Rc::clone(&lines.upstreams[self.from].name);
                        return Err(Failure { cause: Cause::Lied, server });
                    }
                    Fetched::Value(value) => value,
                };
                if there.is(hash(settled, &value), value.left) {
                    return Ok(self.discard(protocol, number, lines, now));
                }
                // Where there was nothing, what is there by now another proxy has moved.
                let is_leftover = !matches!(there, There::Nothing) && !self.is_home;
                let replaces = is_leftover && !planted("warm-up-believes-leftovers");
                let (expected, request) = protocol.store(&self.key, &value, replaces);
                let line = lines.open(self.to, ClientKey::NOBODY, request.len())?;
                let request = Bytes::from(request);
                lines.queue(line, waiter(number, 0), expected, now, |out| out.share(request));
                self.step = Step::Store;
            }
            Step::Store if protocol.is_stored(&reply) => {
                return Ok(self.discard(protocol, number, lines, now));
            }
            Step::Store => return Err(unmoved(lines)),
            Step::Discard => {
                lines.stats.keys_moved += 1;
                return Ok(Progress::Arrived);
            }
        }
        Ok(Progress::Goes)
    }

    fn discard<P: Protocol>(
        &mut self,
        protocol: &P,
        number: u32,
        lines: &mut Lines<P>,
        now: Moment,
    ) -> Progress {
        self.step = Step::Discard;
        let (expected, request) = protocol.discard(&self.key);
        lines.queue(self.from, waiter(number, 0), expected, now, |out| out.bytes(&request));
        Progress::Goes
    }
}

/// Asks for a key over this connection, for the move of this number; where its replies are to come.
pub(super) fn ask<P: Protocol>(
    protocol: &P,
    key: &[u8],
    (line, number): (usize, u32),
    lines: &mut Lines<P>,
    now: Moment,
) -> Vec<Option<Bytes>> {
    let mut asked = Vec::new();
    protocol.fetch(key, &mut |expected, request| {
        let part = u16::try_from(asked.len()).expect("a few requests ask for a key");
        lines.queue(line, waiter(number, part), expected, now, |out| out.bytes(request));
        asked.push(None);
    });
    asked
}

/// Keeps a reply; all of them, once they are there.
fn gather(replies: &mut [Option<Bytes>], part: u16, reply: Frame<'_>) -> Option<Vec<Bytes>> {
    replies[usize::from(part)] = Some(reply.keep());
    replies.iter().cloned().collect()
}

fn hash(settled: &Settled, value: &Value) -> u128 {
    settled.hash(&(&value.bytes[..], value.flags))
}

/// Who waits for the reply to a step: the move of this number.
const fn waiter(number: u32, part: u16) -> (ClientKey, u32, u16) {
    (ClientKey::NOBODY, number, part)
}
