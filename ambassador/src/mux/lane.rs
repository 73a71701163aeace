//! The requests of one client, answered in the order in which they came.

use std::collections::VecDeque;

use bytes::Bytes;
use entourage_core::planted;
use entourage_scatter_gather::Gathering;

use super::Outbox;
use crate::{failure::Failure, frame::Frame, limits::Limits, protocol::Protocol};

/// What a client may be owed before its replies are known to be small.
const FIRST_GUESS: usize = 128 * 1024;

/// An emptied buffer of a client that is larger is given back.
const KEPT: usize = 4 * 1024;

/// Likewise the places for so many requests.
const KEPT_SLOTS: usize = 64;

/// The requests of one client, the oldest first, and what is ready to be written to it.
///
/// Replies come from many servers in any order and leave in the order of the requests.
#[derive(Debug)]
pub(crate) struct Lane<P: Protocol> {
    slots: VecDeque<Slot<P>>,
    /// The number of the oldest slot; it wraps.
    first: u32,
    pub(super) out: Outbox,
    /// How many bytes wait in slots behind the oldest.
    kept: usize,
    /// How many bytes are remembered of scattered requests, for their answers to be made.
    merging: usize,
    /// Bytes of a request that is not whole.
    held: usize,
    /// What of all this is in the pool's sum.
    counted: usize,
    /// How long replies to this client are, the largest of late.
    typical: usize,
    /// Nothing more is taken; it ends once what is owed is written.
    pub(super) ending: bool,
    /// It is to end, since of all who hold too much together it held the most.
    pub(super) condemned: bool,
    /// Its name stands in the list of those to be written to.
    pub(super) listed: bool,
}

/// One request, and what is known of its answer.
#[derive(Debug)]
enum Slot<P: Protocol> {
    Waiting,
    Relayed(P::Expected, Bytes),
    Answered(Bytes),
    Failed(P::Expected, Failure),
    Scattered(Box<Scattered<P>>),
}

/// A request that went to several servers.
#[derive(Debug)]
struct Scattered<P: Protocol> {
    parts: Gathering<Bytes, Failure>,
    merge: P::Merge,
}

impl<P: Protocol> Lane<P> {
    pub(super) const fn new() -> Self {
        Self {
            slots: VecDeque::new(),
            first: 0,
            out: Outbox::new(KEPT),
            kept: 0,
            merging: 0,
            held: 0,
            counted: 0,
            typical: FIRST_GUESS,
            ending: false,
            condemned: false,
            listed: false,
        }
    }

    /// How many requests have no answer yet, or one that waits for another.
    pub(super) fn depth(&self) -> usize {
        self.slots.len()
    }

    /// How many bytes are ready for the client and not written.
    pub(super) fn owed(&self) -> usize {
        self.out.len() + self.kept
    }

    /// Brings the pool's sum of what is held up to date.
    pub(super) fn count(&mut self, sum: &mut usize) {
        let now = if self.condemned { 0 } else { self.held + self.owed() + self.merging };
        let before = std::mem::replace(&mut self.counted, now);
        *sum = *sum - before + self.counted;
    }

    /// Has it end, and what it holds count no more: that is soon given back.
    pub(super) fn condemn(&mut self, sum: &mut usize) {
        self.condemned = true;
        self.count(sum);
    }

    /// What this client has in the pool's sum.
    pub(super) const fn counted(&self) -> usize {
        self.counted
    }

    /// So many bytes of a request are held that is not whole.
    pub(super) const fn hold(&mut self, held: usize) {
        self.held = held;
    }

    /// Whether it may be owed no more for now: by what is ready, or by what its replies of late
    /// say of those that are on their way.
    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        if planted("proxy-reads-on-and-on") {
            return false;
        }
        let (coming, has) = (self.slots.len().saturating_mul(self.typical), self.owed() + self.merging);
        self.slots.len() >= limits.pipeline.get()
            || has >= limits.owed
            || !self.slots.is_empty() && has + coming > limits.owed
    }

    /// Whether more is ready than a client that reads would leave.
    pub(super) fn is_unread(&self, limits: &Limits) -> bool {
        self.owed() > limits.unread.saturating_add(self.typical) && !planted("proxy-reads-on-and-on")
    }

    /// A place in the order, for a request that has gone to one server.
    pub(super) fn open(&mut self) -> u32 {
        self.push(Slot::Waiting)
    }

    /// A place for a request that goes to several.
    pub(super) fn open_scattered(&mut self, parts: usize, merge: P::Merge) -> u32 {
        self.merging += P::held(&merge);
        self.push(Slot::Scattered(Box::new(Scattered { parts: Gathering::new(parts), merge })))
    }

    /// A place for a request that goes nowhere.
    pub(super) fn open_failed(&mut self, expected: P::Expected, failure: Failure) {
        self.push(Slot::Failed(expected, failure));
    }

    /// The answer of the proxy itself.
    pub(super) fn answer(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.slots.is_empty() {
            return write(self.out.tail());
        }
        let mut answer = Vec::new();
        write(&mut answer);
        self.kept += answer.len();
        self.push(Slot::Answered(answer.into()));
    }

    /// The reply to the request of this number, or to a part of it.
    pub(super) fn settle(
        &mut self,
        protocol: &P,
        number: u32,
        part: u16,
        expected: P::Expected,
        reply: Frame<'_>,
    ) {
        self.typical = reply.len().max(self.typical - self.typical / 8);
        let at = self.place(number);
        match self.slots.get_mut(at) {
            Some(Slot::Waiting) if at == 0 => {
                protocol.relay(expected, reply, &mut self.out);
                self.take_first();
                self.advance(protocol);
            }
            Some(slot @ Slot::Waiting) => {
                self.kept += reply.len();
                *slot = Slot::Relayed(expected, reply.keep());
            }
            Some(Slot::Scattered(scattered)) => {
                let told = scattered.parts.answer(usize::from(part), reply.keep());
                debug_assert!(told.is_ok(), "a part is answered once");
                self.kept += reply.len();
                self.advance(protocol);
            }
            _ => debug_assert!(false, "a request is answered once"),
        }
    }

    /// The request of this number, or a part of it, has no reply.
    pub(super) fn fail(
        &mut self,
        protocol: &P,
        number: u32,
        part: u16,
        expected: P::Expected,
        failure: Failure,
    ) {
        let at = self.place(number);
        match self.slots.get_mut(at) {
            Some(slot @ Slot::Waiting) => *slot = Slot::Failed(expected, failure),
            _ => self.fail_part(number, usize::from(part), failure),
        }
        self.advance(protocol);
    }

    /// A part of a request could not be handed in.
    pub(super) fn fail_part(&mut self, number: u32, part: usize, failure: Failure) {
        let at = self.place(number);
        if let Some(Slot::Scattered(scattered)) = self.slots.get_mut(at) {
            let told = scattered.parts.fail(part, failure);
            debug_assert!(told.is_ok(), "a part is answered once");
        }
    }

    /// Writes what is ready at the front.
    pub(super) fn advance(&mut self, protocol: &P) {
        loop {
            match self.slots.front() {
                None | Some(Slot::Waiting) => return,
                Some(Slot::Scattered(scattered)) if !scattered.parts.is_complete() => return,
                Some(_) => {}
            }
            match self.take_first() {
                Some(Slot::Relayed(expected, reply)) => {
                    self.kept -= reply.len();
                    protocol.relay(expected, Frame::Owned(&reply), &mut self.out);
                }
                Some(Slot::Answered(answer)) => {
                    self.kept -= answer.len();
                    self.out.share(answer);
                }
                Some(Slot::Failed(expected, failure)) => protocol.fail(expected, &failure, &mut self.out),
                Some(Slot::Scattered(scattered)) => {
                    let Scattered { parts, merge } = *scattered;
                    let gathered = parts.finish(|_| Failure::unheard());
                    self.kept -= gathered.value().iter().flatten().map(Bytes::len).sum::<usize>();
                    self.merging -= P::held(&merge);
                    let before = self.out.len();
                    protocol.merge(merge, gathered, &mut self.out);
                    self.typical = self.typical.max(self.out.len() - before);
                }
                None | Some(Slot::Waiting) => {}
            }
        }
    }

    fn take_first(&mut self) -> Option<Slot<P>> {
        let first = self.slots.pop_front();
        self.first = self.first.wrapping_add(1);
        if self.slots.is_empty() && self.slots.capacity() > KEPT_SLOTS {
            self.slots = VecDeque::new();
        }
        first
    }

    fn push(&mut self, slot: Slot<P>) -> u32 {
        let number = self.first.wrapping_add(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.push_back(slot);
        number
    }

    const fn place(&self, number: u32) -> usize {
        number.wrapping_sub(self.first) as usize
    }
}
