//! All connections of a pool to its servers.

use std::rc::Rc;

use entourage_core::Moment;
use slab::Slab;

use super::{ClientKey, Outbox, upstream::Upstream};
use crate::{
    failure::{Cause, Failure},
    pool::{Ejection, Health, Router},
    protocol::Protocol,
    stats::{PoolCounts, ServerCounts},
};

/// One server of a pool.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// Its connections; each client keeps to one, so that what it sends stays in order.
    pub(super) lines: Vec<usize>,
    pub(super) health: Health,
    pub(super) stats: ServerCounts,
}

/// The connections of a pool to its servers, who serves, and which of them are to be written to.
#[derive(Debug)]
pub(crate) struct Lines<P: Protocol> {
    pub(super) upstreams: Slab<Upstream<P>>,
    pub(super) servers: Vec<Server>,
    pub(super) router: Router,
    pub(super) ejection: Ejection,
    /// Bytes that may wait for one connection.
    pub(super) queued: usize,
    /// Those with something to write, or to give up.
    listed: Vec<usize>,
    /// How many have a barrier.
    pub(super) held: usize,
    pub(super) stats: PoolCounts,
}

impl<P: Protocol> Lines<P> {
    /// So many connections to each server, none of them up.
    pub(super) fn new(router: Router, connections: usize, ejection: Ejection, queued: usize) -> Self {
        let mut upstreams = Slab::new();
        let servers = router.targets().iter().enumerate().map(|(place, target)| {
            let new = |_| upstreams.insert(Upstream::new(place, Rc::clone(&target.name)));
            Server { lines: (0..connections).map(new).collect(), ..Server::default() }
        });
        let servers = servers.collect();
        Self {
            upstreams,
            servers,
            router,
            ejection,
            queued,
            listed: Vec::new(),
            held: 0,
            stats: PoolCounts::default(),
        }
    }

    /// The connection by which this client's request of so many bytes goes to this server.
    ///
    /// # Errors
    /// The server is ejected, cannot be reached or has too much queued.
    #[inline]
    pub(super) fn open(&self, server: usize, client: ClientKey, len: usize) -> Result<usize, Failure> {
        if let Some(failure) = self.router.ejected(server) {
            return Err(failure);
        }
        let lines = &self.servers[server].lines;
        let line = if lines.len() == 1 { lines[0] } else { lines[client.place() % lines.len()] };
        self.fits(line, len).map(|()| line)
    }

    /// Whether a request of so many bytes may be queued for this connection.
    ///
    /// # Errors
    /// The server cannot be reached or has too much queued.
    #[inline]
    pub(super) fn fits(&self, line: usize, len: usize) -> Result<(), Failure> {
        let upstream = &self.upstreams[line];
        let cause = match upstream.shut {
            Some(cause) => cause,
            None if upstream.out.len() != 0 && upstream.out.len() + len > self.queued => Cause::Full,
            None => return Ok(()),
        };
        Err(Failure { cause, server: Rc::clone(&upstream.name) })
    }

    /// Whether there is this connection, and requests are not refused until the next attempt to connect.
    pub(super) fn is_reachable(&self, line: usize) -> bool {
        self.upstreams.get(line).is_some_and(|upstream| upstream.shut.is_none())
    }

    /// Queues what `write` writes as one request.
    #[inline]
    pub(super) fn queue(
        &mut self,
        line: usize,
        waiter: (ClientKey, u32, u16),
        expected: P::Expected,
        now: Moment,
        write: impl FnOnce(&mut Outbox),
    ) {
        let upstream = &mut self.upstreams[line];
        let bytes = upstream.queue(waiter, expected, now, write);
        if let Some(server) = upstream.server {
            let stats = &mut self.servers[server].stats;
            stats.requests += 1;
            stats.request_bytes += bytes;
        }
        self.list(line);
    }

    /// Has a connection looked at by the loop that writes.
    pub(super) fn list(&mut self, line: usize) {
        let upstream = &mut self.upstreams[line];
        if !upstream.listed {
            upstream.listed = true;
            self.listed.push(line);
        }
    }

    pub(super) const fn is_listed(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Those that were listed since this was called last.
    pub(super) fn take_listed(&mut self, into: &mut Vec<usize>) {
        into.clear();
        std::mem::swap(&mut self.listed, into);
        for &line in &*into {
            if let Some(upstream) = self.upstreams.get_mut(line) {
                upstream.listed = false;
            }
        }
    }

    /// Has a connection end once nobody waits for a reply over it: it is no longer of the pool.
    pub(super) fn retire(&mut self, line: usize) {
        let upstream = &mut self.upstreams[line];
        (upstream.retired, upstream.server) = (true, None);
        self.list(line);
    }

    /// Counts a failure against a server, which may eject it.
    pub(super) fn blame(&mut self, server: usize, now: Moment) {
        if self.servers[server].health.fail(self.ejection, now) {
            tracing::warn!(
                pool = self.router.pool(),
                server = &*self.router.targets()[server].name,
                "ejected"
            );
            self.stats.server_ejects += 1;
            self.servers[server].stats.ejections += 1;
            self.servers[server].stats.ejected_at = now.as_nanos() / 1_000;
            self.router.set_ejected(server, true);
        }
    }

    /// Lets an ejected server back in.
    pub(super) fn readmit(&mut self, server: usize) {
        if self.servers[server].health.is_ejected() {
            tracing::info!(pool = self.router.pool(), server = &*self.router.targets()[server].name, "back");
            self.servers[server].health.readmit();
            self.router.set_ejected(server, false);
        }
    }
}
