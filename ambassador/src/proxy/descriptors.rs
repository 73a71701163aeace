//! How many clients the descriptors of this process suffice for.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::process::{Resource, getrlimit};

use crate::{
    error::Error,
    nutcracker::{Config, Pool},
};

/// Kept for what comes and goes: names that are looked up, files that are read, statistics that are
/// told, clients that are turned away.
const SPARE: usize = 16;

/// What a thread waits with: its poll, its waker, its end of the signals, and one more.
const PER_REACTOR: usize = 4;

/// What is open elsewhere in the process, where the machine does not say it.
const UNKNOWN: usize = 32;

/// The descriptors of a process, as its clients may have them: all pools and threads together.
///
/// Without this bound idle clients would take all of them, and no server could be connected to.
#[derive(Debug)]
pub(super) struct Descriptors {
    /// What was open before the proxy was.
    elsewhere: usize,
    /// How many clients there may be.
    room: AtomicUsize,
    clients: AtomicUsize,
}

/// The right of one client to a descriptor, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Descriptors>);

impl Descriptors {
    /// Of a process that has open what it has now, and no room for clients yet.
    pub(super) fn new() -> Arc<Self> {
        // One of them is that of the list itself.
        let elsewhere = fs::read_dir("/proc/self/fd").map_or(UNKNOWN, |open| open.count().saturating_sub(1));
        Arc::new(Self { elsewhere, room: AtomicUsize::new(0), clients: AtomicUsize::new(0) })
    }

    /// How many clients the limit of this moment leaves room for beside the servers of these pools.
    ///
    /// # Errors
    /// [`Error::Descriptors`] if that is none.
    pub(super) fn fit(&self, config: &Config, reactors: usize) -> Result<usize, Error> {
        let reserve = self.elsewhere.saturating_add(reserve(config, reactors));
        let Some(limit) = getrlimit(Resource::Nofile).current else { return Ok(usize::MAX) };
        let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(reserve);
        if room == 0 {
            return Err(Error::Descriptors { limit, reserve });
        }
        Ok(if entourage_core::planted("proxy-keeps-no-descriptors") { usize::MAX } else { room })
    }

    /// Lets in so many clients from now on; returns whether that is another number than before. Those
    /// that are in stay.
    pub(super) fn allow(&self, room: usize) -> bool {
        self.room.swap(room, Ordering::Relaxed) != room
    }

    /// The right of one more client, if there is room.
    pub(super) fn acquire(self: &Arc<Self>) -> Option<Permit> {
        let room = self.room.load(Ordering::Relaxed);
        let one_more = |clients| (clients < room).then_some(clients + 1);
        // It is a count, and nothing that is read after it depends on it.
        self.clients.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Permit(Arc::clone(self)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What so many threads need for these pools, clients aside.
fn reserve(config: &Config, reactors: usize) -> usize {
    // A thread has a listener of each pool, beside that which is handed to all.
    let listeners = |_: &Pool| reactors.saturating_add(1);
    let servers = |pool: &Pool| {
        let connections = usize::try_from(pool.server_connections.get()).unwrap_or(usize::MAX);
        pool.servers.len().saturating_mul(connections).saturating_mul(reactors)
    };
    // Twice: while a pool changes or a server moves, there is what was and what will be.
    let twice = |pool: &Pool| listeners(pool).saturating_add(servers(pool)).saturating_mul(2);
    // An ejected server is asked whether it is back over a connection for that alone.
    let probes = |pool: &Pool| pool.servers.len().saturating_mul(reactors);
    let of_pools = config.pools.iter().map(|pool| twice(pool).saturating_add(probes(pool)));
    let of_threads = reactors.saturating_mul(PER_REACTOR);
    [SPARE, of_threads].into_iter().chain(of_pools).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pools: usize, servers: usize, connections: usize) -> Config {
        let mut text = String::new();
        for pool in 0..pools {
            text += &format!("p{pool}:\n  listen: 127.0.0.1:{}\n", pool + 1);
            text += &format!("  server_connections: {connections}\n  servers:\n");
            (0..servers).for_each(|server| text += &format!("   - 127.0.0.1:{}:1\n", server + 1));
        }
        Config::parse(&text).expect("it is right")
    }

    #[test]
    fn every_connection_of_every_pool_and_thread_is_kept_twice_and_one_for_each_probe() {
        let few = reserve(&config(1, 3, 1), 1);
        assert_eq!(few, SPARE + PER_REACTOR + 2 * (2 + 3) + 3);
        assert_eq!(reserve(&config(1, 3, 5), 1) - few, 2 * 3 * 4);
        let many = reserve(&config(2, 3, 5), 4);
        assert_eq!(many, SPARE + 4 * PER_REACTOR + 2 * (2 * (5 + 4 * 3 * 5) + 4 * 3));
    }

    #[test]
    fn who_leaves_makes_room_and_less_room_throws_nobody_out() {
        let descriptors = Descriptors::new();
        assert!(descriptors.acquire().is_none());
        assert!(descriptors.allow(2) && !descriptors.allow(2));
        let (first, second) = (descriptors.acquire(), descriptors.acquire());
        assert!(first.is_some() && second.is_some() && descriptors.acquire().is_none());
        drop(first);
        let third = descriptors.acquire();
        assert!(third.is_some());
        assert!(descriptors.allow(1));
        drop(second);
        assert!(descriptors.acquire().is_none());
        drop(third);
        assert!(descriptors.acquire().is_some());
    }
}
