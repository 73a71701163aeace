//! The clients' half: requests come, answers leave.

use std::io::IoSlice;

use entourage_core::planted;

use super::{Client, ClientKey, Desk, Input, Mux, Taken, warmth::Pass};
use crate::protocol::{Parting, Protocol};

impl<P: Protocol> Mux<P> {
    /// A client has come from `peer`; `None` if there are as many as may be.
    pub(crate) fn join(&mut self, peer: &str) -> Option<ClientKey> {
        if self.clients.len() >= self.limits.clients.get() {
            self.refuse();
            return None;
        }
        let stats = &mut self.lines.stats;
        stats.total_connections += 1;
        stats.client_connections += 1;
        Some(self.clients.join(&self.protocol, peer, self.now))
    }

    /// A client has come for whom there is no room elsewhere.
    pub(crate) fn refuse(&mut self) {
        self.lines.stats.client_refused += 1;
    }

    /// What a client is told that is one too many.
    pub(crate) fn crowded(&self) -> &'static [u8] {
        self.protocol.crowded()
    }

    /// A client is gone: what it is owed goes to nobody.
    pub(crate) fn leave(&mut self, client: ClientKey, end: ClientEnd) {
        let stats = &mut self.lines.stats;
        stats.client_connections -= 1;
        match end {
            ClientEnd::Closed => stats.client_eof += 1,
            ClientEnd::Failed => stats.client_err += 1,
            ClientEnd::Unread => stats.client_unread += 1,
        }
        if let Some(Client { lane, .. }) = self.clients.get_mut(client) {
            self.buffered -= lane.counted();
        }
        self.clients.leave(client);
        if let Some(warmth) = &mut self.warmth {
            warmth.leave(client);
        }
    }

    /// Takes requests off what a client sent, as many as it may have on their way.
    pub(crate) fn take(&mut self, key: ClientKey, input: &mut Input<'_>) -> Taken {
        let Self { protocol, clients, lines, limits, now, warmth, .. } = self;
        let Some(Client { session, lane, .. }) = clients.get_mut(key) else { return Taken::Ending };
        let before = lane.out.len();
        let taken = loop {
            if lane.ending {
                break Taken::Ending;
            }
            if lane.is_full(limits) || warmth.as_ref().is_some_and(|warmth| warmth.holds(key)) {
                break Taken::Enough;
            }
            match protocol.split(session, input.rest()) {
                Ok(Some(len)) => {
                    let pass = warmth.as_mut().map_or(Pass::Go, |warmth| {
                        let request = input.rest().get(..len).unwrap_or_default();
                        let keys = |each: &mut dyn FnMut(&[u8])| protocol.keys(session, request, each);
                        warmth.pass(protocol, key, keys, lines, *now)
                    });
                    // A request that waits is split again when it may go.
                    if matches!(pass, Pass::Wait) {
                        break Taken::Enough;
                    }
                    lines.stats.requests += 1;
                    input.frame(len, |frame| {
                        let mut desk = Desk { client: key, lane, lines, now: *now };
                        match pass {
                            Pass::Fail(failure) => desk.answer(|out| protocol.say(&failure, out)),
                            _ => protocol.dispatch(session, frame, &mut desk),
                        }
                    });
                }
                Ok(None) => break Taken::All,
                Err(Parting(words)) => {
                    lane.answer(|out| out.extend_from_slice(&words));
                    lane.ending = true;
                }
            }
        };
        lane.advance(protocol);
        // What waited before waits for its socket, and who writes can do nothing for it.
        if lane.out.len() > before {
            clients.list(key);
        }
        taken
    }

    /// The clients that have something to be written, since they were asked for last.
    pub(crate) fn listed_clients(&mut self, into: &mut Vec<ClientKey>) {
        self.clients.take_listed(into);
    }

    /// What waits to be written to this client, as far as these slices reach.
    pub(crate) fn for_client<'a>(&'a self, key: ClientKey, slices: &mut [IoSlice<'a>]) -> usize {
        self.clients.get(key).map_or(0, |client| client.lane.out.slices(slices))
    }

    /// So many bytes of it were written.
    pub(crate) fn wrote_to_client(&mut self, key: ClientKey, count: usize) {
        if let Some(client) = self.clients.get_mut(key) {
            client.lane.out.advance(count);
        }
    }

    /// So many bytes of this client's next request are held, until there is more of it.
    pub(crate) fn hold(&mut self, key: ClientKey, held: usize) {
        if let Some(Client { lane, .. }) = self.clients.get_mut(key) {
            lane.hold(held);
        }
    }

    /// How things stand with a client.
    pub(crate) fn standing(&mut self, key: ClientKey) -> Standing {
        let Some(Client { lane, .. }) = self.clients.get_mut(key) else { return Standing::default() };
        lane.count(&mut self.buffered);
        self.relieve();
        let Some(Client { lane, .. }) = self.clients.get(key) else { return Standing::default() };
        Standing {
            to_write: lane.out.len(),
            waits: lane.depth() > 0,
            ending: lane.ending,
            is_unread: lane.is_unread(&self.limits) || lane.condemned,
        }
    }

    /// Has those end who hold the most, until all together hold no more than may be: whoever comes
    /// last has no part in what others hoard.
    fn relieve(&mut self) {
        while self.buffered > self.limits.buffered && !planted("proxy-reads-on-and-on") {
            let Some(key) = self.clients.largest(SMALL) else { return };
            if let Some(Client { lane, .. }) = self.clients.get_mut(key) {
                lane.condemn(&mut self.buffered);
            }
            self.clients.list(key);
        }
    }
}

/// Whoever holds less is not closed where all together hold too much.
const SMALL: usize = 64 * 1024;

/// How a client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientEnd {
    /// It closed the connection, or asked for that.
    Closed,
    /// The connection failed, or what it sent could not be understood.
    Failed,
    /// It did not read what it asked for, or held too much where all together did.
    Unread,
}

/// How things stand with a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Bytes that are ready to be written.
    pub(crate) to_write: usize,
    /// Requests have no answer yet.
    pub(crate) waits: bool,
    /// It ends once all is written.
    pub(crate) ending: bool,
    /// More waits for it than may, or for all together.
    pub(crate) is_unread: bool,
}
