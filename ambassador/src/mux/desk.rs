//! Where one request is handed in.

use std::rc::Rc;

use entourage_core::Moment;

use super::{ClientKey, Lane, Outbox, lines::Lines, upstream::WHOLE};
use crate::{
    failure::{Cause, Failure},
    frame::Frame,
    protocol::Protocol,
    stats::PoolCounts,
};

/// What may become of one request: it is forwarded, scattered or answered, once.
#[derive(Debug)]
pub(crate) struct Desk<'a, P: Protocol> {
    pub(super) client: ClientKey,
    pub(super) lane: &'a mut Lane<P>,
    pub(super) lines: &'a mut Lines<P>,
    pub(super) now: Moment,
}

/// A request that is being scattered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scatter {
    slot: u32,
}

impl<P: Protocol> Desk<'_, P> {
    /// The server of this key.
    ///
    /// # Errors
    /// None serves it.
    #[inline]
    pub(crate) fn server(&mut self, key: &[u8]) -> Result<usize, Failure> {
        self.lines.router.server(key)
    }

    /// A server for what any of them answers alike.
    ///
    /// # Errors
    /// None serves.
    pub(crate) fn any_server(&self) -> Result<usize, Failure> {
        self.lines.router.any()
    }

    /// How many servers the pool has.
    pub(crate) fn servers(&self) -> usize {
        self.lines.router.targets().len()
    }

    /// The name of a server.
    pub(crate) fn name(&self, server: usize) -> Rc<str> {
        Rc::clone(&self.lines.router.targets()[server].name)
    }

    /// What the pool has counted.
    pub(crate) const fn counts(&self) -> &PoolCounts {
        &self.lines.stats
    }

    /// The time that it is.
    pub(crate) const fn now(&self) -> Moment {
        self.now
    }

    /// Hands the request to this server as it came.
    #[inline]
    pub(crate) fn forward(&mut self, server: usize, expected: P::Expected, request: Frame<'_>) {
        self.send(server, expected, request.len(), |out| out.frame(request));
    }

    /// Hands a request of so many bytes, which `write` writes, to this server.
    #[inline]
    pub(crate) fn send(
        &mut self,
        server: usize,
        expected: P::Expected,
        len: usize,
        write: impl FnOnce(&mut Outbox),
    ) {
        match self.lines.open(server, self.client, len) {
            Ok(line) => {
                let slot = self.lane.open();
                self.lines.queue(line, (self.client, slot, WHOLE), expected, self.now, write);
            }
            Err(failure) => self.lane.open_failed(expected, failure),
        }
    }

    /// Tells the client that its request has no answer, and why.
    pub(crate) fn fail(&mut self, expected: P::Expected, failure: Failure) {
        self.lane.open_failed(expected, failure);
    }

    /// Answers the request here.
    pub(crate) fn answer(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.lane.answer(write);
    }

    /// Begins to scatter the request over so many parts, to be merged when the last is answered.
    pub(crate) fn scatter(&mut self, parts: usize, merge: P::Merge) -> Scatter {
        self.lines.stats.fragments += parts as u64;
        Scatter { slot: self.lane.open_scattered(parts, merge) }
    }

    /// Hands one part of `len` bytes to this server.
    pub(crate) fn part(
        &mut self,
        scatter: Scatter,
        number: usize,
        server: usize,
        expected: P::Expected,
        len: usize,
        write: impl FnOnce(&mut Outbox),
    ) {
        let part = u16::try_from(number).unwrap_or(WHOLE);
        match self.lines.open(server, self.client, len) {
            Ok(line) if part != WHOLE => {
                self.lines.queue(line, (self.client, scatter.slot, part), expected, self.now, write);
            }
            Ok(_) => {
                let failure = Failure { cause: Cause::Full, server: self.name(server) };
                self.lane.fail_part(scatter.slot, number, failure);
            }
            Err(failure) => self.lane.fail_part(scatter.slot, number, failure),
        }
    }

    /// Tells that one part has no answer.
    pub(crate) fn fail_part(&mut self, scatter: Scatter, number: usize, failure: Failure) {
        self.lane.fail_part(scatter.slot, number, failure);
    }

    /// Ends the client once all that it is owed is written.
    pub(crate) fn end(&mut self) {
        self.lane.ending = true;
    }
}
