//! One connection to a server, which all clients share.

use std::{collections::VecDeque, rc::Rc};

use entourage_core::{Moment, planted};

use super::{ClientKey, Outbox, barrier::Barrier};
use crate::{failure::Cause, protocol::Protocol, stats::ServerCounts};

/// An emptied buffer of a server's that is larger is given back.
const KEPT: usize = 64 * 1024;

/// A part that is the whole.
pub(super) const WHOLE: u16 = u16::MAX;

/// A request that waits for its reply, or to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending<E> {
    pub(super) client: ClientKey,
    /// The number of the client's slot.
    pub(super) slot: u32,
    /// Which part of it, or [`WHOLE`].
    pub(super) part: u16,
    pub(super) expected: E,
    /// Where it ends in all that was ever queued here.
    pub(super) ends: u64,
    pub(super) since: Moment,
}

/// One connection to a server: what is to be sent, and who waits for which reply.
///
/// Replies come in the order of the requests; that is all that tells whose they are. So a
/// connection on which one reply is missing, late or not understood ends, and nothing that is still
/// on its way can be taken for the answer to something else.
#[derive(Debug)]
pub(crate) struct Upstream<P: Protocol> {
    /// Its server's place among the pool's servers; `None` once it is no longer of the pool.
    pub(super) server: Option<usize>,
    /// Its server's name.
    pub(super) name: Rc<str>,
    pub(super) out: Outbox,
    pub(super) pending: VecDeque<Pending<P::Expected>>,
    /// Where all that was ever queued ends.
    queued: u64,
    /// How far it was sent.
    sent: u64,
    /// Where the oldest request that waits begins.
    oldest: u64,
    measure: P::Measure,
    /// The oldest request's reply is too long, and its bytes are thrown away.
    skipping: bool,
    /// Connected and greeted.
    pub(super) is_up: bool,
    /// It has answered since it was connected.
    has_answered: bool,
    /// Connections in a row that ended without an answer.
    barren: u32,
    /// Why requests are refused until the next attempt to connect.
    pub(super) shut: Option<Cause>,
    /// Its socket is to be given up: the state here has already forgotten it.
    pub(super) stale: bool,
    /// No longer of the pool: it ends once nothing waits.
    pub(super) retired: bool,
    pub(super) listed: bool,
    /// What is queued behind it waits for other connections to the same server.
    pub(super) barrier: Option<Barrier>,
}

impl<P: Protocol> Upstream<P> {
    pub(super) fn new(server: usize, name: Rc<str>) -> Self {
        Self {
            server: Some(server),
            name,
            out: Outbox::new(KEPT),
            pending: VecDeque::new(),
            queued: 0,
            sent: 0,
            oldest: 0,
            measure: P::Measure::default(),
            skipping: false,
            is_up: false,
            has_answered: false,
            barren: 0,
            shut: None,
            stale: false,
            retired: false,
            listed: false,
            barrier: None,
        }
    }

    /// Queues what `write` writes as one request; how many bytes it has.
    pub(super) fn queue(
        &mut self,
        (client, slot, part): (ClientKey, u32, u16),
        expected: P::Expected,
        since: Moment,
        write: impl FnOnce(&mut Outbox),
    ) -> u64 {
        let before = self.out.len();
        write(&mut self.out);
        let len = (self.out.len() - before) as u64;
        self.queued += len;
        self.pending.push_back(Pending { client, slot, part, expected, ends: self.queued, since });
        len
    }

    /// So many bytes of what is queued were written to the socket.
    pub(super) fn wrote(&mut self, count: usize) {
        self.out.advance(count);
        self.sent += count as u64;
    }

    /// Measures the reply at the front of `input`, which is the oldest request's.
    ///
    /// # Errors
    /// Nothing was asked, or not all of it was sent, or it cannot be a reply to what was asked.
    pub(super) fn measure(&mut self, protocol: &P, input: &[u8]) -> Result<Option<usize>, &'static str> {
        let Some(oldest) = self.pending.front() else {
            if planted("proxy-keeps-the-unasked") {
                return Ok(None);
            }
            return Err("it sent what nothing was asked for");
        };
        if oldest.ends > self.sent {
            return Err("it answered before it was asked");
        }
        protocol.measure(&mut self.measure, oldest.expected, input).map_err(|lie| lie.0)
    }

    /// How many bytes of a reply that is too long may be thrown away: those that are measured.
    pub(super) fn skip(&mut self, protocol: &P, input: &[u8]) -> usize {
        self.skipping = true;
        protocol.skip(&mut self.measure, input)
    }

    /// The oldest request, whose reply was measured to its end, and whether that was thrown away.
    pub(super) fn answered(&mut self) -> (Option<Pending<P::Expected>>, bool) {
        self.measure = P::Measure::default();
        (self.has_answered, self.barren) = (true, 0);
        let answered = self.pending.pop_front();
        self.oldest = answered.map_or(self.oldest, |answered| answered.ends);
        (answered, std::mem::take(&mut self.skipping))
    }

    /// Counts what waits to be sent, and what waits for a reply.
    pub(super) fn count(&self, counts: &mut ServerCounts) {
        let begun = self.begun();
        counts.in_queue += (self.pending.len() - begun) as u64;
        counts.in_queue_bytes += self.out.len() as u64;
        counts.out_queue += begun as u64;
        counts.out_queue_bytes += self.sent - self.oldest;
    }

    /// Where all that was ever queued ends.
    pub(super) const fn queued(&self) -> u64 {
        self.queued
    }

    /// Whether all that was queued up to here is answered, or will never be.
    pub(super) const fn is_answered_up_to(&self, mark: u64) -> bool {
        self.oldest >= mark
    }

    /// How many bytes of what is queued may be sent.
    pub(super) fn room(&self) -> usize {
        self.barrier.as_ref().map_or(usize::MAX, |barrier| barrier.room(self.sent))
    }

    /// Whether somebody waits for a reply, or for what may be sent.
    pub(super) fn is_asked(&self) -> bool {
        !self.pending.is_empty() && self.barrier.as_ref().is_none_or(|barrier| !barrier.holds(self.oldest))
    }

    /// Whether it is up, and nothing that was sent waits for a reply.
    pub(super) const fn is_quiet(&self) -> bool {
        self.is_up && self.sent == self.oldest
    }

    /// The connection is gone: whoever had been sent, even in part, waits in vain.
    ///
    /// What was not begun stays queued for the next connection.
    pub(super) fn lose(&mut self) -> Vec<Pending<P::Expected>> {
        (self.measure, self.skipping) = (P::Measure::default(), false);
        let begun = self.begun();
        let lost: Vec<_> = self.pending.drain(..begun).collect();
        if let Some(last) = lost.last().filter(|last| last.ends > self.sent) {
            let cut = last.ends - self.sent;
            self.wrote(usize::try_from(cut).expect("a frame's rest is in memory"));
        }
        self.oldest = self.sent;
        lost
    }

    /// Takes back the requests that are at the front and were not begun, as long as they are `late`.
    pub(super) fn lose_late(&mut self, late: impl Fn(Moment) -> bool) -> Vec<Pending<P::Expected>> {
        let count = self.pending.iter().take_while(|pending| late(pending.since)).count();
        let lost: Vec<_> = self.pending.drain(..count).collect();
        if let Some(last) = lost.last() {
            self.wrote(usize::try_from(last.ends - self.sent).expect("what waits is in memory"));
            self.oldest = self.sent;
        }
        lost
    }

    /// It is connected, and greeted.
    pub(super) fn connected(&mut self) {
        (self.is_up, self.shut, self.stale, self.has_answered) = (true, None, false, false);
    }

    /// The connection has ended; says whether it is the second in a row that had answered nothing.
    ///
    /// One such connection may be chance, and the next may serve what was not begun. A server that
    /// ends each is not worth waiting for.
    pub(super) fn ends_barren(&mut self) -> bool {
        if !self.has_answered {
            self.barren = self.barren.saturating_add(1);
        }
        self.barren >= 2
    }

    /// Takes back all requests, those that were never sent too.
    pub(super) fn lose_all(&mut self) -> Vec<Pending<P::Expected>> {
        (self.measure, self.skipping) = (P::Measure::default(), false);
        self.out.clear();
        (self.sent, self.oldest) = (self.queued, self.queued);
        self.pending.drain(..).collect()
    }

    /// How many requests were sent, at least in part.
    fn begun(&self) -> usize {
        let whole = self.pending.partition_point(|pending| pending.ends <= self.sent);
        let next = if whole == 0 { self.oldest } else { self.pending[whole - 1].ends };
        let is_cut = whole < self.pending.len() && next < self.sent;
        whole + usize::from(is_cut && !planted("proxy-sends-on-what-was-begun"))
    }
}
