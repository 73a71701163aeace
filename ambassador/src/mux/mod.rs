//! Many clients, few connections to servers: whose each reply is.
//!
//! Pure: bytes come in, bytes wait to be written, and time is told to it. The loops of
//! [`proxy`](crate::proxy) own the sockets and the clock.

mod barrier;
mod clients;
mod desk;
mod input;
mod lane;
mod lines;
mod outbox;
mod replies;
mod requests;
mod reshape;
#[cfg(test)]
mod tests;
mod upstream;
mod warmth;

use entourage_core::Moment;

pub(crate) use self::{
    clients::ClientKey, desk::Desk, input::Input, outbox::Outbox, requests::ClientEnd, reshape::Shape,
};
use self::{
    clients::{Client, Clients},
    lane::Lane,
    lines::Lines,
    upstream::{Pending, Upstream},
    warmth::Warmth,
};
use crate::{
    limits::Limits,
    pool::{Ejection, Router},
    protocol::Protocol,
    stats::{PoolStats, ServerStats},
};

/// The clients and the servers of one pool, and what each is owed.
#[derive(Debug)]
pub(crate) struct Mux<P: Protocol> {
    protocol: P,
    clients: Clients<P>,
    lines: Lines<P>,
    limits: Limits,
    /// What is held for all clients.
    buffered: usize,
    now: Moment,
    /// Keys still move to where they belong.
    warmth: Option<Warmth>,
    /// The number of the next key that moves, when keys move again.
    moves: u32,
}

/// Why no more requests are taken off a client's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The rest is no whole request.
    All,
    /// The client is owed enough: more once it has read, or once servers have answered.
    Enough,
    /// Nothing that it sends is wanted any more.
    Ending,
}

impl<P: Protocol> Mux<P> {
    /// A pool without clients, whose servers have so many connections each, none of them up.
    pub(crate) fn new(
        protocol: P,
        router: Router,
        connections: usize,
        ejection: Ejection,
        limits: Limits,
    ) -> Self {
        Self {
            protocol,
            clients: Clients::new(),
            lines: Lines::new(router, connections, ejection, limits.queued),
            limits,
            buffered: 0,
            now: Moment::ZERO,
            warmth: None,
            moves: 0,
        }
    }

    pub(crate) const fn protocol(&self) -> &P {
        &self.protocol
    }

    /// Every connection, with its server's place in the pool.
    pub(crate) fn lines(&self) -> Vec<(usize, usize)> {
        self.lines.upstreams.iter().filter_map(|(line, upstream)| Some((upstream.server?, line))).collect()
    }

    /// The ejected servers that are to be asked again now, each once until the next time.
    pub(crate) fn due(&mut self) -> Vec<usize> {
        let (now, ejection) = (self.now, self.lines.ejection);
        let servers = self.lines.servers.iter_mut().enumerate();
        let due = servers.filter_map(|(place, server)| {
            let is_due = server.health.is_due(now);
            is_due.then(|| {
                server.health.put_off(ejection, now);
                place
            })
        });
        due.collect()
    }

    /// Lets an ejected server back in.
    pub(crate) fn readmit(&mut self, server: usize) {
        self.lines.readmit(server);
    }

    /// What was counted of this pool.
    pub(crate) fn stats(&self, name: &str) -> PoolStats {
        let targets = self.lines.router.targets().iter();
        let servers = targets.zip(&self.lines.servers).map(|(target, server)| {
            let mut counts = server.stats;
            for line in &server.lines {
                self.lines.upstreams[*line].count(&mut counts);
            }
            ServerStats { name: target.name.to_string(), is_ejected: server.health.is_ejected(), counts }
        });
        PoolStats { name: name.to_owned(), counts: self.lines.stats, servers: servers.collect() }
    }

    /// Whether anything is to be written.
    pub(crate) fn is_listed(&self) -> bool {
        self.clients.is_listed() || self.lines.is_listed()
    }

    /// Tells the time. It stands still until it is told again.
    pub(crate) fn tell(&mut self, now: Moment) {
        self.now = now;
    }
}
