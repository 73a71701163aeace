//! The tasks of one pool on one thread.

use std::{future::poll_fn, rc::Rc, sync::Arc};

use entourage_core::Moment;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    client,
    connect::Target,
    descriptors::Descriptors,
    health, line,
    listener::{Incoming, Listener},
    shared::{Chunk, Shared},
    tasks::pass_on,
    terms::Terms,
};
use crate::{
    limits::Limits,
    mux::{Mux, Shape},
    nutcracker::{Distribution, Pool, Secret},
    options::Options,
    pool::{Ejection, Router},
    protocol::Protocol,
    stats::PoolStats,
};

/// What becomes of a pool while it is served.
#[derive(Debug)]
pub(super) enum Change {
    /// It is configured like this, and clients come in here, if that is another place.
    Reload(Rc<Pool>, Rc<Terms>, Box<Router>, Option<Listener>),
    /// Nobody is let in any more, and everybody goes once they have what they are owed.
    Drain,
}

/// A pool that is served, whatever it speaks.
pub(super) trait Served {
    /// What it has counted.
    fn stats(&self) -> PoolStats;

    /// Changes it.
    fn change(&self, change: Change);
}

/// A pool, and how its tasks are told what changes.
#[derive(Debug)]
struct Handle<P: Protocol> {
    shared: Rc<Shared<P>>,
    changes: mpsc::UnboundedSender<Change>,
}

impl<P: Protocol> Served for Handle<P> {
    fn stats(&self) -> PoolStats {
        self.shared.mux.borrow().stats(&self.shared.pool().name)
    }

    fn change(&self, change: Change) {
        // Its tasks end with the thread, and so does this.
        let _ = self.changes.send(change);
    }
}

/// A pool as it begins.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) pool: Rc<Pool>,
    pub(super) terms: Rc<Terms>,
    pub(super) options: Rc<Options>,
    pub(super) router: Router,
    pub(super) listener: Listener,
    pub(super) chunk: Chunk,
    pub(super) descriptors: Arc<Descriptors>,
    pub(super) started: Moment,
}

impl Beginning {
    /// Serves it, with tasks of `tasks`.
    pub(super) fn serve<P: Protocol>(self, tasks: &mut JoinSet<()>) -> Box<dyn Served> {
        let Self { pool, terms, options, router, listener, chunk, descriptors, started } = self;
        let protocol = P::of(&pool, &options, started, listener.port());
        let (connections, limits) = (pool.server_connections.get() as usize, limits(&pool, &options));
        let mux = Mux::new(protocol, router, connections, ejection(&pool), limits);
        let shared = Rc::new(Shared::new(mux, pool, terms, options, chunk));
        let (changes, changed) = mpsc::unbounded_channel();
        tasks.spawn_local(serve(Rc::clone(&shared), listener, descriptors, started, changed));
        Box::new(Handle { shared, changes })
    }
}

/// Serves one pool until it is drained.
///
/// # Cancel safety
/// Dropped, all its connections are closed.
async fn serve<P: Protocol>(
    shared: Rc<Shared<P>>,
    listener: Listener,
    descriptors: Arc<Descriptors>,
    started: Moment,
    mut changed: mpsc::UnboundedReceiver<Change>,
) {
    let (mut tasks, mut clients) = (JoinSet::new(), JoinSet::new());
    let mut listener = Some(listener);
    let writer = Rc::clone(&shared);
    tasks.spawn_local(async move { poll_fn(|cx| writer.poll_write(cx)).await });
    tasks.spawn_local(health::watch(Rc::clone(&shared)));
    let lines = shared.mux.borrow().lines();
    keep(&shared, lines, &mut tasks);
    loop {
        let incoming = async {
            match &listener {
                Some(listener) => listener.accept(&shared.clock, shared.pool().tcp_keepalive).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(change) = changed.recv() => match change {
                Change::Reload(pool, terms, router, door) => {
                    listener = door.or(listener);
                    let port = listener.as_ref().map_or(0, Listener::port);
                    let lines = reload(&shared, pool, terms, *router, started, port);
                    keep(&shared, lines, &mut tasks);
                }
                Change::Drain => {
                    listener = None;
                    shared.mux.borrow_mut().end_all();
                    shared.wake_clients();
                }
            },
            Some(ended) = tasks.join_next() => pass_on(ended),
            Some(ended) = clients.join_next() => pass_on(ended),
            Incoming { socket, peer } = incoming => match descriptors.acquire() {
                Some(permit) => {
                    let shared = Rc::clone(&shared);
                    clients.spawn_local(async move { client::serve(shared, socket, &peer, permit).await });
                }
                // At once: a task of its own would hold the descriptor while others come.
                None => client::refuse(&shared, &socket),
            },
        }
        if listener.is_none() && clients.is_empty() {
            return;
        }
    }
}

/// Makes the pool what it is now configured to be; the connections that are new.
fn reload<P: Protocol>(
    shared: &Shared<P>,
    pool: Rc<Pool>,
    terms: Rc<Terms>,
    router: Router,
    started: Moment,
    port: u16,
) -> Vec<(usize, usize)> {
    let before = shared.pool();
    if before == pool {
        // Certificates may be others. Keys that still move go on doing so.
        shared.set_pool(pool, terms);
        return Vec::new();
    }
    let shape = Shape {
        protocol: P::of(&pool, &shared.options, started, port),
        router,
        kept: (0..pool.servers.len()).map(|server| kept(&before, &pool, server)).collect(),
        connections: pool.server_connections.get() as usize,
        ejection: ejection(&pool),
        limits: limits(&pool, &shared.options),
        // What is placed by chance has no old place.
        warm_up: shared
            .options
            .warm_up
            .filter(|_| [&before, &pool].iter().all(|pool| pool.distribution != Distribution::Random)),
    };
    shared.set_pool(pool, terms);
    let added = shared.mux.borrow_mut().reshape(shape);
    shared.write_soon();
    added
}

/// The server before whose connections this one keeps: they lead to the same place, by the same words.
fn kept(before: &Pool, now: &Pool, server: usize) -> Option<usize> {
    let exposed = |pool: &Pool| pool.redis_auth.as_ref().map(Secret::expose).map(<[u8]>::to_vec);
    let says_the_same = (before.redis_db, before.tcp_keepalive, exposed(before))
        == (now.redis_db, now.tcp_keepalive, exposed(now));
    let server = &now.servers[server];
    let is_same = |old: &crate::nutcracker::Server| old.name == server.name && old.address == server.address;
    says_the_same.then(|| before.servers.iter().position(is_same)).flatten()
}

/// Keeps these connections, each with its server's place.
fn keep<P: Protocol>(shared: &Rc<Shared<P>>, lines: Vec<(usize, usize)>, tasks: &mut JoinSet<()>) {
    for (server, line) in lines {
        tasks.spawn_local(line::keep(Rc::clone(shared), line, Target::of(&shared.pool(), server)));
    }
}

/// When servers of this pool are ejected.
fn ejection(pool: &Pool) -> Ejection {
    let limit = pool.auto_eject_hosts.then(|| pool.server_failure_limit.max(1));
    Ejection { limit, retry: pool.server_retry_timeout }
}

/// What this pool takes: fewer clients where the file says so.
pub(super) fn limits(pool: &Pool, options: &Options) -> Limits {
    let mut limits = options.limits.clone();
    if let Some(clients) = pool.client_connections {
        limits.clients = limits.clients.min(clients.try_into().unwrap_or(limits.clients));
    }
    limits
}
