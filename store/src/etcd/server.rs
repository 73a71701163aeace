//! One server of a cluster, and the connection to it if there is one.

use std::sync::{Mutex, MutexGuard, PoisonError};

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
    pub(super) kv: KvClient,
    pub(super) lease: LeaseClient,
    pub(super) watch: WatchClient,
    pub(super) turn: Turn,
}

impl Line {
    /// A connection that is yet to be checked; `number` tells it from all others.
    pub(super) fn of(client: &Client, number: u64, turn: Turn) -> Self {
        Self {
            number,
            kv: client.kv_client().max_decoding_message_size(LONGEST_ANSWER),
            lease: client.lease_client(),
            watch: client.watch_client().max_decoding_message_size(LONGEST_ANSWER),
            turn,
        }
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
