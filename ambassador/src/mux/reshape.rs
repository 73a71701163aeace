//! The pool changes while it is served.

use std::{collections::HashMap, rc::Rc, time::Duration};

use entourage_core::planted;

use super::{Mux, Upstream, Warmth};
use crate::{
    limits::Limits,
    pool::{Ejection, Router},
    protocol::Protocol,
};

/// What a pool becomes.
#[derive(Debug)]
pub(crate) struct Shape<P> {
    pub(crate) protocol: P,
    pub(crate) router: Router,
    /// For each server, the place among those before of the one whose connections it keeps.
    pub(crate) kept: Vec<Option<usize>>,
    /// Connections to each server.
    pub(crate) connections: usize,
    pub(crate) ejection: Ejection,
    pub(crate) limits: Limits,
    /// So long keys are fetched from where they were, when they are used.
    pub(crate) warm_up: Option<Duration>,
}

impl<P: Protocol> Mux<P> {
    /// Serves another pool from now on: the next request goes where that says.
    ///
    /// No request is dropped: those on their way are answered over the connections that they went
    /// over, which end after that where their server is no longer of the pool. Returns the
    /// connections that are new, each with its server's place.
    pub(crate) fn reshape(&mut self, shape: Shape<P>) -> Vec<(usize, usize)> {
        let Shape { protocol, router, kept, connections, ejection, limits, warm_up } = shape;
        let ended = self.cool().filter(|warmth| !warmth.is_over(self.now));
        self.protocol = protocol;
        let router_before = std::mem::replace(&mut self.lines.router, router);
        let lines_before: Vec<_> = self.lines.servers.iter().map(|server| server.lines[0]).collect();
        let mut by_name: HashMap<_, _> = router_before
            .targets()
            .iter()
            .zip(&self.lines.servers)
            .map(|(target, server)| (Rc::clone(&target.name), server.lines.clone()))
            .collect();
        (self.lines.ejection, self.lines.queued) = (ejection, limits.queued);
        self.limits = limits;
        let mut before: Vec<_> = std::mem::take(&mut self.lines.servers).into_iter().map(Some).collect();
        let mut added = Vec::new();
        for (place, kept) in kept.into_iter().enumerate() {
            let kept = kept.and_then(|before_place| before[before_place].take());
            let mut server = kept.unwrap_or_default();
            for line in server.lines.drain(connections.min(server.lines.len())..) {
                server.stats.server_connections -= u64::from(self.lines.upstreams[line].is_up);
                self.lines.retire(line);
            }
            let name = Rc::clone(&self.lines.router.targets()[place].name);
            for line in &server.lines {
                let upstream = &mut self.lines.upstreams[*line];
                (upstream.server, upstream.name) = (Some(place), Rc::clone(&name));
            }
            while server.lines.len() < connections {
                let line = self.lines.upstreams.insert(Upstream::new(place, Rc::clone(&name)));
                server.lines.push(line);
                added.push((place, line));
            }
            // Ejected it stays so: that its keys are elsewhere is no reason to trust it.
            if server.health.is_ejected() {
                self.lines.router.set_ejected(place, true);
            }
            // Its clients may have another connection to it now than before.
            if let Some(mut lines) = by_name.remove(&name).filter(|lines| *lines != server.lines) {
                lines.extend(
                    server.lines.iter().filter(|line| !lines.contains(line)).copied().collect::<Vec<_>>(),
                );
                self.lines.keep_order(&lines, self.now);
            }
            self.lines.servers.push(server);
        }
        for line in before.into_iter().flatten().flat_map(|server| server.lines) {
            // Keys are still fetched over one connection to each server.
            self.lines.upstreams[line].server = None;
            if warm_up.is_none() || !lines_before.contains(&line) {
                self.lines.retire(line);
            }
            if planted("reload-forgets-who-waits") {
                self.lines.upstreams[line].lose_all();
            }
        }
        if let Some(warm_up) = warm_up {
            let (before, until) = (router_before.everywhere(), self.now + warm_up);
            self.warmth = Some(Warmth::new(before, lines_before, until, self.moves, ended));
        }
        added
    }

    /// Lets connections go on that have waited for others for long enough.
    pub(crate) fn let_go(&mut self) {
        self.lines.let_go(self.now);
    }

    /// Ends the time in which keys are fetched from where they were, if it is over; says so once.
    pub(crate) fn cool_down(&mut self) {
        if self.warmth.as_ref().is_some_and(|warmth| warmth.is_over(self.now) && warmth.is_still()) {
            self.cool();
        }
    }

    /// Fetches no key any more from where it was; what was known of them.
    fn cool(&mut self) -> Option<Warmth> {
        let warmth = self.warmth.take()?;
        self.moves = warmth.next();
        let (moved, missing) = (self.lines.stats.keys_moved, self.lines.stats.keys_missing);
        if warmth.is_full() {
            tracing::warn!(
                pool = self.lines.router.pool(),
                "keys move no more, before the time: too many were used while their old server could not be asked"
            );
        }
        tracing::info!(moved, missing, "keys move no more; these did since the start");
        for &line in warmth.lines() {
            if self.lines.upstreams.get(line).is_some_and(|upstream| upstream.server.is_none()) {
                self.lines.retire(line);
            }
        }
        // Who waits for a key finds it where it is.
        for client in warmth.waiters() {
            self.clients.list(client);
        }
        Some(warmth)
    }

    /// Takes no more requests: each client ends once it has what it is owed.
    pub(crate) fn end_all(&mut self) {
        for client in self.clients.iter_mut() {
            client.lane.ending = true;
        }
    }

    /// Has another connection take the place of this one, whose server is now elsewhere: the next request
    /// goes over that, and this one ends once nothing waits for a reply over it.
    ///
    /// Returns the new connection; `None` if this one is no longer of the pool.
    pub(crate) fn replace(&mut self, line: usize) -> Option<usize> {
        let upstream = self.lines.upstreams.get(line)?;
        let server = upstream.server?;
        let (name, was_up) = (Rc::clone(&upstream.name), upstream.is_up);
        self.lines.retire(line);
        let new = self.lines.upstreams.insert(Upstream::new(server, name));
        self.lines.keep_order(&[line, new], self.now);
        let of = &mut self.lines.servers[server];
        of.stats.server_connections -= u64::from(was_up);
        of.lines.iter_mut().filter(|old| **old == line).for_each(|old| *old = new);
        if let Some(warmth) = &mut self.warmth {
            warmth.replaced(line, new);
        }
        Some(new)
    }

    /// Forgets a connection that is no longer of the pool, and for which nobody waits.
    pub(crate) fn forget(&mut self, line: usize) {
        if self.wants(line).ended {
            self.lines.remove(line);
            self.lines.let_go(self.now);
        }
    }
}
