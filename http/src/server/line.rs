//! What the parts of a server, and of one of its connections, know in common.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use entourage_blueprint::{Counter, Counters};
use entourage_core::{Clock, Phase, Shutdown};

use crate::{problem::Problem, server::limits::Limits};

/// Who sent a request: in the request's extensions.
///
/// It is the socket's other end. What headers claim is believed by nobody here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub(crate) address: Option<SocketAddr>,
}

impl Peer {
    /// The other end's address; none for a Unix socket.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

/// What all connections of one server share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) limits: Limits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shutdown: Shutdown,
    pub(super) counts: Counts,
}

impl House {
    pub(super) fn is_draining(&self) -> bool {
        self.shutdown.phase() >= Phase::Draining
    }
}

/// The server's numbers.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) all: Counters,
    pub(super) connections: Counter,
    open: Counter,
    open_now: Arc<Mutex<u64>>,
    pub(super) turned_away: Counter,
    pub(super) requests: Counter,
    pub(super) refusals: Counter,
    pub(super) timeouts: Counter,
    pub(super) panics: Counter,
}

impl Counts {
    pub(super) fn new() -> Self {
        let all = Counters::new(&[
            "connections_total",
            "connections_open",
            "connections_turned_away_total",
            "requests_total",
            "refusals_total",
            "timeouts_total",
            "panics_total",
        ]);
        Self {
            connections: all.counter("connections_total"),
            open: all.counter("connections_open"),
            open_now: Arc::default(),
            turned_away: all.counter("connections_turned_away_total"),
            requests: all.counter("requests_total"),
            refusals: all.counter("refusals_total"),
            timeouts: all.counter("timeouts_total"),
            panics: all.counter("panics_total"),
            all,
        }
    }

    pub(super) fn connection_opens(&self) {
        // Shown under the lock, so that no older number comes last.
        let mut now = self.open_now.lock().unwrap_or_else(PoisonError::into_inner);
        *now += 1;
        self.open.set(*now);
    }

    pub(super) fn connection_closes(&self) {
        let mut now = self.open_now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_sub(1);
        self.open.set(*now);
    }
}

/// What the two ends of one connection tell each other: the gate, which sees bytes, and the
/// service, which sees requests.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) house: Arc<House>,
    pub(super) peer: Peer,
    served: AtomicU64,
    is_answered: AtomicBool,
    has_unread_body: AtomicBool,
    is_busy: Arc<AtomicBool>,
    refusal: Mutex<Option<Problem>>,
}

impl Line {
    pub(super) fn new(house: Arc<House>, peer: Peer, is_busy: Arc<AtomicBool>) -> Self {
        Self {
            house,
            peer,
            served: AtomicU64::new(0),
            is_answered: AtomicBool::new(false),
            has_unread_body: AtomicBool::new(false),
            is_busy,
            refusal: Mutex::new(None),
        }
    }

    /// A request's first byte has come.
    pub(super) fn request_begins(&self) {
        self.is_answered.store(false, Ordering::Relaxed);
    }

    /// The service has got the request: whatever is written from now on is its answer.
    pub(super) fn request_is_served(&self, has_body: bool) -> u64 {
        self.is_busy.store(true, Ordering::Relaxed);
        self.is_answered.store(true, Ordering::Relaxed);
        self.has_unread_body.store(has_body, Ordering::Relaxed);
        self.house.counts.requests.increment();
        self.served.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn body_is_read(&self) {
        self.has_unread_body.store(false, Ordering::Relaxed);
    }

    /// The answer has left for the client.
    pub(super) fn answer_is_written(&self) {
        self.is_busy.store(false, Ordering::Relaxed);
    }

    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// Whether what is written belongs to a request that the service has seen.
    pub(super) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }

    pub(super) fn has_unread_body(&self) -> bool {
        self.has_unread_body.load(Ordering::Relaxed)
    }

    /// Keeps the first refusal, for whoever can still answer with it.
    pub(super) fn refuse(&self, problem: Problem) {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| {
            self.house.counts.refusals.increment();
            problem
        });
    }

    pub(super) fn take_refusal(&self) -> Option<Problem> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
