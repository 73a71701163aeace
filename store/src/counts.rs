//! What a store counts, under the names of its node in a blueprint.

use entourage_blueprint::{Blueprint, Counter, Counters, Node, Sink};

use crate::{error::Result, txn::Outcome, watch::Change};

/// The numbers of one store, as this process saw them.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    all: Counters,
    pub(crate) gets: Counter,
    pub(crate) lists: Counter,
    applied: Counter,
    refused: Counter,
    failed: Counter,
    pub(crate) opened: Counter,
    pub(crate) resumed: Counter,
    pub(crate) renewed: Counter,
    pub(crate) ended: Counter,
    pub(crate) expired: Counter,
    changes: Counter,
    resyncs: Counter,
}

impl Counts {
    pub(crate) fn new() -> Self {
        let all = Counters::new(&[
            "gets_total",
            "lists_total",
            "transactions_applied_total",
            "transactions_refused_total",
            "transactions_failed_total",
            "sessions_opened_total",
            "sessions_resumed_total",
            "sessions_renewed_total",
            "sessions_ended_total",
            "sessions_expired_total",
            "changes_seen_total",
            "resyncs_seen_total",
        ]);
        Self {
            gets: all.counter("gets_total"),
            lists: all.counter("lists_total"),
            applied: all.counter("transactions_applied_total"),
            refused: all.counter("transactions_refused_total"),
            failed: all.counter("transactions_failed_total"),
            opened: all.counter("sessions_opened_total"),
            resumed: all.counter("sessions_resumed_total"),
            renewed: all.counter("sessions_renewed_total"),
            ended: all.counter("sessions_ended_total"),
            expired: all.counter("sessions_expired_total"),
            changes: all.counter("changes_seen_total"),
            resyncs: all.counter("resyncs_seen_total"),
            all,
        }
    }

    pub(crate) fn transacted(&self, answer: &Result<Outcome>) {
        match answer {
            Ok(Outcome::Applied { .. }) => self.applied.increment(),
            Ok(Outcome::Refused { .. }) => self.refused.increment(),
            Err(_) => self.failed.increment(),
        }
    }

    pub(crate) fn saw(&self, change: &Change) {
        match change {
            Change::Resync { .. } => self.resyncs.increment(),
            _ => self.changes.increment(),
        }
    }

    /// Draws the store. Patterns call it rather than feed it, so it stands outside their flow:
    /// it starts and ends its own.
    pub(crate) fn describe(&self, blueprint: &mut Blueprint, name: &str, backend: &'static str) {
        let node = Node::new("store", name).with_backend(backend).with_counters(self.all.clone());
        blueprint.add_node(node.source().sink(Sink::default()));
    }
}
