//! One server of a cluster, and the connection to it if there is one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etcd_client::{Client, KvClient, LeaseClient, WatchClient};

use super::turn::Turn;

/// An answer may hold as many entries as a listing, each as long as a value: what a caller can
/// ask for is bounded elsewhere.
const LONGEST_ANSWER: usize = i32::MAX as usize;

/// One server, and the connection to it if there is one.
pub(super) struct Server {
    url: String,
    line: Mutex<Option<Line>>,
}

/// A connection whose cluster and revision have been checked.
#[derive(Clone)]
pub(super) struct Line {
    number: u64,
    clients: Arc<Clients>,
    pub(super) turn: Turn,
}

/// One for each of etcd's services. A clone of one is a dozen of handles, so that a call takes
/// only the one that it asks.
struct Clients {
    kv: KvClient,
    lease: LeaseClient,
    watch: WatchClient,
}

impl Line {
    /// A connection that is yet to be checked; `number` tells it from all others.
    pub(super) fn of(client: &Client, number: u64, turn: Turn) -> Self {
        let clients = Clients {
            kv: client.kv_client().max_decoding_message_size(LONGEST_ANSWER),
            lease: client.lease_client(),
            watch: client.watch_client().max_decoding_message_size(LONGEST_ANSWER),
        };
        Self { number, clients: Arc::new(clients), turn }
    }

    pub(super) fn kv(&self) -> KvClient {
        self.clients.kv.clone()
    }

    pub(super) fn lease(&self) -> LeaseClient {
        self.clients.lease.clone()
    }

    pub(super) fn watch(&self) -> WatchClient {
        self.clients.watch.clone()
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The same connection in a later turn of its server.
    pub(super) fn asked_in(mut self, turn: usize) -> Self {
        self.turn = self.turn.of(turn);
        self
    }
}

impl Server {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), line: Mutex::new(None) }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn line(&self) -> Option<Line> {
        self.lock().clone()
    }

    /// Takes a connection that has been checked for the one to it.
    pub(super) fn remember(&self, line: Line) {
        *self.lock() = Some(line);
    }

    /// Gives up a connection, unless another one has been made since.
    pub(super) fn forget(&self, number: u64) {
        self.lock().take_if(|line| line.number == number);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Line>> {
        // A line is put in and taken out whole.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
