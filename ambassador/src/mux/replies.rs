//! The servers' half: requests leave, replies come.

use std::{io::IoSlice, rc::Rc, time::Duration};

use entourage_core::{Moment, planted};

use super::{ClientKey, Input, Mux, Pending};
use crate::{
    failure::{Cause, Failure},
    frame::Frame,
    protocol::Protocol,
};

impl<P: Protocol> Mux<P> {
    /// Takes replies off what a server sent, for whoever they are.
    ///
    /// # Errors
    /// What came is no reply to what was asked: the connection is to be [lost](Self::lose).
    pub(crate) fn reply(&mut self, line: usize, input: &mut Input<'_>) -> Result<(), &'static str> {
        while !input.rest().is_empty() {
            let Some(upstream) = self.lines.upstreams.get_mut(line) else { break };
            let Some(len) = upstream.measure(&self.protocol, input.rest())? else {
                if input.rest().len() > self.limits.frame {
                    let measured = upstream.skip(&self.protocol, input.rest());
                    input.frame(measured, |_| {});
                }
                break;
            };
            let (Some(pending), skipped) = upstream.answered() else { break };
            let server = upstream.server;
            let too_long =
                skipped.then(|| Failure { cause: Cause::TooLong, server: Rc::clone(&upstream.name) });
            let refused = self.protocol.is_refusal(pending.expected, &input.rest()[..len]);
            if let Some(server) = server {
                let counts = &mut self.lines.servers[server];
                counts.stats.responses += 1;
                counts.stats.response_bytes += len as u64;
                if refused {
                    self.lines.blame(server, self.now);
                } else {
                    counts.health.succeed();
                }
            }
            input.frame(len, |frame| self.deliver(&pending, too_long.map_or(Ok(frame), Err)));
        }
        self.lines.let_go(self.now);
        Ok(())
    }

    /// A connection is gone, or could not be made, or is given up.
    ///
    /// Whoever was sent over it is told so. What was not begun goes over the next connection, if there
    /// was one: that it was not done is known.
    ///
    /// Says whether the server is to be left alone for a while.
    pub(crate) fn lose(&mut self, line: usize, cause: Cause) -> bool {
        let Some(upstream) = self.lines.upstreams.get_mut(line) else { return true };
        let gives_up = !upstream.is_up || upstream.ends_barren();
        self.end(line, cause, gives_up);
        gives_up
    }

    /// A connection is gone, and there is no next: nobody's request goes over it any more.
    pub(crate) fn give_up(&mut self, line: usize, cause: Cause) {
        self.end(line, cause, true);
    }

    fn end(&mut self, line: usize, cause: Cause, gives_up: bool) {
        let Some(upstream) = self.lines.upstreams.get_mut(line) else { return };
        let (server, failure) = (upstream.server, Failure { cause, server: Rc::clone(&upstream.name) });
        let was_up = std::mem::replace(&mut upstream.is_up, false);
        upstream.stale = cause != Cause::TimedOut || !planted("proxy-keeps-a-late-connection");
        let lost = if gives_up { upstream.lose_all() } else { upstream.lose() };
        self.lines.list(line);
        if let Some(server) = server {
            let stats = &mut self.lines.servers[server].stats;
            stats.server_connections -= u64::from(was_up);
            match cause {
                Cause::Lost => stats.server_eof += 1,
                Cause::TimedOut => stats.server_timedout += 1,
                _ => stats.server_err += 1,
            }
            // A server that ends a connection that nobody uses has done nothing wrong.
            if cause.blames_server() && (cause != Cause::Lost || !lost.is_empty()) {
                self.lines.blame(server, self.now);
            }
        }
        self.tell_all(&lost, &failure);
        if server.is_some_and(|server| self.lines.servers[server].health.is_ejected()) {
            let left = self.lines.upstreams[line].lose_all();
            self.tell_all(&left, &failure);
        }
        self.lines.let_go(self.now);
    }

    /// Gives up the connections on which the oldest request waits for longer than `limit`.
    pub(crate) fn sweep(&mut self, limit: Duration) {
        let late = |since: Moment| self.now >= since + limit;
        let oldest = self.lines.upstreams.iter().map(|(line, upstream)| (line, upstream.pending.front()));
        let lines: Vec<_> = oldest
            .filter(|(_, oldest)| oldest.is_some_and(|oldest| late(oldest.since)))
            .map(|(line, _)| line)
            .collect();
        let now = self.now;
        for line in lines {
            self.lose(line, Cause::TimedOut);
            // What was not begun goes over the next connection, unless it is late too.
            let upstream = &mut self.lines.upstreams[line];
            let (late, server) =
                (upstream.lose_late(|since| now >= since + limit), Rc::clone(&upstream.name));
            self.tell_all(&late, &Failure { cause: Cause::TimedOut, server });
        }
        self.lines.let_go(self.now);
    }

    /// A connection can be used: it has been made, and greeted.
    pub(crate) fn connected(&mut self, line: usize) {
        if let Some(upstream) = self.lines.upstreams.get_mut(line) {
            upstream.connected();
            if let Some(server) = upstream.server {
                let stats = &mut self.lines.servers[server].stats;
                stats.server_connections += 1;
                stats.connects += 1;
            }
            self.lines.list(line);
        }
    }

    /// Requests are refused with `cause` until there is another attempt to connect; `None` ends that.
    pub(crate) fn shut(&mut self, line: usize, cause: Option<Cause>) {
        if planted("proxy-shuts-every-server") {
            self.lines.upstreams.iter_mut().for_each(|(_, upstream)| upstream.shut = cause);
        }
        if let Some(upstream) = self.lines.upstreams.get_mut(line) {
            upstream.shut = cause;
        }
    }

    /// The connections that have something to be done, since they were asked for last.
    pub(crate) fn listed_lines(&mut self, into: &mut Vec<usize>) {
        self.lines.take_listed(into);
    }

    /// What waits to be sent over this connection, as far as these slices reach.
    pub(crate) fn for_server<'a>(&'a self, line: usize, slices: &mut [IoSlice<'a>]) -> usize {
        let upstream = self.lines.upstreams.get(line);
        upstream.map_or(0, |upstream| upstream.out.slices_up_to(upstream.room(), slices))
    }

    /// So many bytes of it were sent.
    pub(crate) fn sent(&mut self, line: usize, count: usize) {
        if let Some(upstream) = self.lines.upstreams.get_mut(line) {
            upstream.wrote(count);
        }
    }

    /// What a connection needs.
    pub(crate) fn wants(&self, line: usize) -> Wants {
        let Some(upstream) = self.lines.upstreams.get(line) else {
            return Wants { ended: true, ..Wants::default() };
        };
        Wants {
            is_asked: upstream.is_asked(),
            is_quiet: upstream.is_quiet(),
            reset: upstream.stale,
            ended: upstream.retired && upstream.pending.is_empty(),
        }
    }

    /// The socket of this connection has been given up, or there is none.
    pub(crate) fn renewed(&mut self, line: usize) {
        if let Some(upstream) = self.lines.upstreams.get_mut(line) {
            upstream.stale = false;
        }
    }

    fn tell_all(&mut self, lost: &[Pending<P::Expected>], failure: &Failure) {
        for pending in lost {
            self.deliver(pending, Err(failure.clone()));
        }
    }

    /// Brings what came of a step to the key that moves.
    fn step(&mut self, number: u32, part: u16, outcome: Result<Frame<'_>, Failure>) {
        let Self { protocol, lines, clients, warmth: Some(warmth), now, .. } = self else { return };
        for key in warmth.step(protocol, (number, part), outcome, lines, *now) {
            // Its requests may go on.
            clients.list(key);
        }
    }

    /// Brings a reply, or why there is none, to whoever waits for it.
    fn deliver(&mut self, pending: &Pending<P::Expected>, outcome: Result<Frame<'_>, Failure>) {
        let &Pending { client, slot, part, expected, .. } = pending;
        if client == ClientKey::NOBODY {
            return self.step(slot, part, outcome);
        }
        self.lines.stats.forward_error += u64::from(outcome.is_err());
        let Some(waiting) = self.clients.get_mut(client) else { return };
        let lane = &mut waiting.lane;
        match outcome {
            Ok(reply) => lane.settle(&self.protocol, slot, part, expected, reply),
            Err(failure) => lane.fail(&self.protocol, slot, part, expected, failure),
        }
        // Also where nothing is to be written: it may go on, or be owed too much.
        self.clients.list(client);
    }
}

/// What a connection needs of the loop that has its socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    /// Somebody waits for a reply, or for what may be sent.
    pub(crate) is_asked: bool,
    /// It is up, and nothing that was sent waits for a reply.
    pub(crate) is_quiet: bool,
    /// The socket is to be given up.
    pub(crate) reset: bool,
    /// It is no longer needed.
    pub(crate) ended: bool,
}
