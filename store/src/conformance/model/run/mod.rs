//! Runs steps against a store and compares each answer with the oracle's.

mod sessions;
mod transactions;
mod watches;

use std::{fmt, time::Duration};

use entourage_core::Moment;

use self::sessions::Incarnation;
use super::{
    coverage::Coverage,
    oracle::Oracle,
    step::{CLIENTS, Call, KEYS, PREFIXES, Step, Wanted},
    watching::Watching,
};
use crate::{
    Error, Order, Result as Answer, Txn, What,
    conformance::{Observer, Subject},
};

/// A store under test beside the oracle.
#[derive(Debug)]
pub(crate) struct Run {
    clients: Vec<Subject>,
    oracle: Oracle,
    incarnations: Vec<Incarnation>,
    watches: Vec<Watching>,
    observer: Observer,
    observed: usize,
    coverage: Coverage,
}

type Checked<T = ()> = Result<T, String>;

/// What must be an answer.
fn answered<T>(answer: Answer<T>) -> Checked<T> {
    answer.map_err(|error| format!("the store failed: {error:?}"))
}

/// Fails unless the store's answer is the oracle's.
fn same<T: PartialEq + fmt::Debug>(what: &str, is: &T, must: &T) -> Checked {
    if is == must { Ok(()) } else { Err(format!("{what} must be {must:?}\nbut is {is:?}")) }
}

impl Run {
    pub(crate) async fn begin(subject: Subject) -> Self {
        assert!(subject.has_manual_time(), "the model tells deadlines to the nanosecond");
        let mut clients = vec![subject.clone()];
        while clients.len() < CLIENTS {
            clients.push(if subject.can_reopen() { subject.reopen().await } else { subject.clone() });
        }
        let observer = subject.observe("", Some(subject.beginning().await)).await;
        Self {
            clients,
            oracle: Oracle::new(subject.realm()),
            incarnations: Vec::new(),
            watches: Vec::new(),
            observer,
            observed: 0,
            coverage: Coverage::default(),
        }
    }

    /// Runs one step.
    pub(crate) async fn step(&mut self, step: &Step) -> Checked {
        self.call(step).await?;
        if self.oracle.expire(self.now()) {
            self.coverage.note("expiry: with keys");
        }
        self.check_standings()?;
        // Seldom, because a watch makes the store look at its deadlines; but within its history.
        if self.due() > self.history() / 2 { self.observe().await } else { Ok(()) }
    }

    /// Runs every watch to its end, and checks that nothing more comes.
    pub(crate) async fn finish(&mut self) -> Checked {
        let ends = PREFIXES.iter().fold(Txn::new(), |txn, prefix| txn.put(format!("{prefix}~end"), "end"));
        self.transact(0, ends).await?;
        self.observe().await?;
        for place in 0..self.watches.len() {
            self.next(place, usize::MAX).await?;
        }
        self.oracle.log.check_order()?;
        same("the realm", &self.clients[CLIENTS - 1].realm(), &self.clients[0].realm())
    }

    pub(crate) fn into_coverage(self) -> Coverage {
        self.coverage
    }

    fn history(&self) -> usize {
        self.clients[0].history().unwrap_or(usize::MAX)
    }

    fn now(&self) -> Moment {
        self.clients[0].clock().now()
    }

    async fn call(&mut self, Step { client, call }: &Step) -> Checked {
        let client = *client;
        match call {
            Call::Get { key } => {
                let found = answered(self.clients[client].get(KEYS[*key]).await)?;
                self.coverage.note(if found.is_some() { "get: found" } else { "get: absent" });
                same("the entry", &found.as_ref(), &self.oracle.get(KEYS[*key]))
            }
            Call::List(wanted) => self.list(client, wanted).await,
            Call::Transact { demands, writes } => {
                let txn = self.txn(demands, writes);
                self.transact(client, txn).await
            }
            Call::Swap { key, expected } => self.swap(client, KEYS[*key], *expected).await,
            Call::Open { seconds } => self.open(client, Duration::from_secs(*seconds)).await,
            Call::Resume { session, foreign } => self.resume(client, *session, *foreign).await,
            Call::Renew { session } => self.renew(*session).await,
            Call::End { session } => self.end(*session).await,
            Call::Watch { prefix, after } => self.watch(client, PREFIXES[*prefix], *after).await,
            Call::Next { watch, count } => match self.watches.len() {
                0 => Ok(()),
                open => self.next(watch % open, *count).await,
            },
            Call::Rewatch { watch } => self.rewatch(*watch).await,
            Call::Advance(span) => {
                let by = self.span(*span);
                self.clients[0].advance(by).await;
                Ok(())
            }
        }
    }

    async fn list(&mut self, client: usize, wanted: &Wanted) -> Checked {
        let range = if wanted.exact { KEYS[wanted.prefix] } else { PREFIXES[wanted.prefix] };
        let mut what =
            if wanted.exact { What::key(range) } else { What::prefix(range) }.ordered(wanted.order);
        if let Some(key) = wanted.after {
            what = what.after(KEYS[key]);
        }
        if let Some(version) = wanted.created_below {
            what = what.created_below(self.oracle.log.version(version));
        }
        if let Some(limit) = wanted.limit {
            what = what.limit(limit);
        }
        let answer = self.clients[client].list(&what).await;
        if what.start_after().is_some() && what.order() != Order::Key {
            self.coverage.note("list: invalid");
            let invalid = matches!(answer, Err(Error::Invalid(_)));
            return if invalid {
                Ok(())
            } else {
                Err(format!("{what:?} must be invalid\nbut is {answer:?}"))
            };
        }
        let listing = answered(answer)?;
        self.coverage.note(if listing.more { "list: cut" } else { "list: whole" });
        same(&format!("{what:?}"), &(listing.entries, listing.more), &self.oracle.list(&what))?;
        self.oracle.log.latest_is(listing.as_of)
    }
}
