//! Runs steps against a store and compares each answer with the oracle's.

use std::time::Duration;

use bytes::Bytes;
use entourage_core::{Fence, Moment, Realm};

use super::{
    coverage::Coverage,
    log::Changes,
    oracle::{Oracle, Seat},
    step::{CLIENTS, Call, Demand, Expected, KEYS, PREFIXES, Span, Step, Token, Wanted, Write},
    watching::Watching,
};
use crate::{
    Change, Error, Outcome, Result as Answer, Session, SessionId, Standing, StoreExt, Swap, Test, Txn,
    Version, What,
    conformance::{Observer, Subject},
};

/// More watches than this are not kept open.
const WATCHES: usize = 6;
/// Steps name one of so many latest sessions, so that most are live.
const RECENT: usize = 5;

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

/// A session in a client's hands, with what its holder may believe.
#[derive(Debug)]
struct Incarnation {
    session: Session,
    seat: usize,
    until: Moment,
    lost: bool,
}

type Checked<T = ()> = Result<T, String>;

/// What must be an answer.
fn answered<T>(answer: Answer<T>) -> Checked<T> {
    answer.map_err(|error| format!("the store failed: {error:?}"))
}

/// Fails unless the store's answer is the oracle's.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, must: &T) -> Checked {
    if is == must { Ok(()) } else { Err(format!("{what} must be {must:?}\nbut is {is:?}")) }
}

impl Run {
    pub(crate) async fn begin(subject: Subject) -> Self {
        let mut clients = vec![subject.clone()];
        while clients.len() < CLIENTS {
            clients.push(if subject.can_reopen() { subject.reopen().await } else { subject.clone() });
        }
        let observer = subject.observe("", Some(Version::ZERO)).await;
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
        if self.due() > self.clients[0].history() / 2 { self.observe().await } else { Ok(()) }
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
        if what.start_after().is_some() && what.order() != crate::Order::Key {
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

    fn txn(&self, demands: &[Demand], writes: &[Write]) -> Txn {
        let mut txn = demands.iter().fold(Txn::new(), |txn, demand| self.demand(txn, demand));
        for write in writes {
            txn = match write {
                Write::Delete { key } => txn.delete(KEYS[*key]),
                Write::Put { key, value, session, foreign } => {
                    let value = Bytes::from(vec![b'v'; usize::from(*value)]);
                    match session.and_then(|session| self.incarnation(session)) {
                        Some(place) => {
                            let id = self.incarnations[place].session.id();
                            txn.put_with(KEYS[*key], value, if *foreign { foreign_id(id) } else { id })
                        }
                        None => txn.put(KEYS[*key], value),
                    }
                }
            };
        }
        txn
    }

    fn demand(&self, txn: Txn, demand: &Demand) -> Txn {
        match demand {
            Demand::Absent { key } => txn.when(KEYS[*key], Test::Absent),
            Demand::Present { key } => txn.when(KEYS[*key], Test::Present),
            Demand::Version { key, version } => {
                txn.when(KEYS[*key], Test::Version(self.oracle.log.version(*version)))
            }
            Demand::Created { key, version } => {
                txn.when(KEYS[*key], Test::Created(self.oracle.log.version(*version)))
            }
            Demand::AsItIs { key, by_creation } => {
                let test = match self.oracle.get(KEYS[*key]) {
                    None => Test::Absent,
                    Some(entry) if *by_creation => Test::Created(entry.created),
                    Some(entry) => Test::Version(entry.version),
                };
                txn.when(KEYS[*key], test)
            }
            Demand::Holds { session, fence } => match self.incarnation(*session) {
                Some(place) => txn.when_held(token(self.incarnations[place].session.fence(), *fence)),
                None => txn,
            },
        }
    }

    async fn transact(&mut self, client: usize, txn: Txn) -> Checked {
        let answer = self.clients[client].transact(txn.clone()).await;
        let commits = self.oracle.log.commits().len();
        self.oracle.transact(&txn, &answer)?;
        self.coverage.note(match &answer {
            Ok(Outcome::Applied { .. }) if self.oracle.log.commits().len() == commits => {
                "transact: applied without a change"
            }
            Ok(Outcome::Applied { .. }) => "transact: applied",
            Ok(Outcome::Refused { .. }) => "transact: refused",
            Err(Error::ForeignRealm { .. }) => "transact: foreign realm",
            Err(Error::SessionLost { .. }) => "transact: session lost",
            Err(_) => "transact: invalid",
        });
        Ok(())
    }

    async fn swap(&mut self, client: usize, key: &str, expected: Expected) -> Checked {
        let stands = self.oracle.get(key).cloned();
        let value = stands.as_ref().map(|entry| entry.value.clone());
        let expected = match expected {
            Expected::Absent => None,
            Expected::AsItIs => value.clone(),
            Expected::Other => Some(Bytes::from_static(b"other")),
        };
        let next = Bytes::from_static(b"swapped");
        let swap = self.clients[client].compare_and_swap(key, next.clone(), expected.as_deref()).await;
        match (answered(swap)?, stands) {
            (Swap::Swapped { version }, _) if expected == value => {
                self.coverage.note("swap: swapped");
                let txn = Txn::new().put(key, next);
                self.oracle.transact(&txn, &Ok(Outcome::Applied { version }))
            }
            (Swap::Missing, None) if expected.is_some() => {
                self.coverage.note("swap: missing");
                Ok(())
            }
            (Swap::Differs { found }, Some(stands)) if expected.as_ref() != Some(&stands.value) => {
                self.coverage.note("swap: differs");
                same("what differs", &found, &stands)
            }
            (swap, stands) => Err(format!("with {stands:?} and {expected:?} expected: {swap:?}")),
        }
    }

    async fn open(&mut self, client: usize, ttl: Duration) -> Checked {
        let session = answered(self.clients[client].session(ttl).await)?;
        self.coverage.note("session: opened");
        same(
            "the granted time",
            &session.granted_ttl(),
            &self.clients[client].capabilities().granted_ttl(ttl),
        )?;
        same("the session's realm", &session.id().realm, &self.clients[client].realm())?;
        for seat in &self.oracle.seats {
            if seat.id == session.id() || session.fence().supersedes(&seat.fence) == Ok(false) {
                return Err(format!("{session:?} follows {seat:?}"));
            }
        }
        let (id, fence) = (session.id(), session.fence().clone());
        self.oracle.seats.push(Seat { id, fence, until: self.now(), open: true });
        self.seated(session, self.oracle.seats.len() - 1);
        Ok(())
    }

    /// Notes that the store granted a session, or a new incarnation of it, just now.
    fn seated(&mut self, session: Session, seat: usize) {
        let until = self.now() + session.granted_ttl();
        self.oracle.seats[seat].until = until;
        self.oracle.seats[seat].fence = session.fence().clone();
        self.incarnations.push(Incarnation { session, seat, until, lost: false });
    }

    async fn resume(&mut self, client: usize, session: usize, foreign: bool) -> Checked {
        let Some(place) = self.incarnation(session) else { return Ok(()) };
        let id = self.incarnations[place].session.id();
        let asked = if foreign { foreign_id(id) } else { id };
        let answer = self.clients[client].resume(asked).await;
        match (answer, self.oracle.seat(id)) {
            (Err(Error::ForeignRealm { found, .. }), _) if foreign => {
                self.coverage.note("resume: foreign realm");
                same("the realm", &found, &asked.realm)
            }
            (Err(Error::SessionLost { id: lost }), None) if !foreign => {
                self.coverage.note("resume: session lost");
                same("the lost session", &lost, &id)
            }
            (Ok(session), Some(seat)) if !foreign => {
                self.coverage.note("resume: resumed");
                same("the resumed session", &session.id(), &id)?;
                same(
                    "its granted time",
                    &session.granted_ttl(),
                    &self.incarnations[place].session.granted_ttl(),
                )?;
                let before = &self.oracle.seats[seat].fence;
                same("the fence's order", &session.fence().supersedes(before).ok(), &Some(true))?;
                self.seated(session, seat);
                Ok(())
            }
            (answer, seat) => Err(format!("resuming {asked}, of which {seat:?} stands, gave {answer:?}")),
        }
    }

    /// Whether this incarnation is the one that the store honours.
    fn stands(&self, place: usize) -> bool {
        let Incarnation { session, seat, .. } = &self.incarnations[place];
        let seat = &self.oracle.seats[*seat];
        seat.open && seat.fence == *session.fence()
    }

    async fn renew(&mut self, session: usize) -> Checked {
        let Some(place) = self.incarnation(session) else { return Ok(()) };
        let (now, stands) = (self.now(), self.stands(place));
        let stands = stands && !self.incarnations[place].lost;
        let held = &mut self.incarnations[place];
        match held.session.renew().await {
            Ok(sent) if stands => {
                self.coverage.note("renew: renewed");
                held.until = now + held.session.granted_ttl();
                self.oracle.seats[held.seat].until = held.until;
                same("when it was sent", &sent, &now)
            }
            Err(Error::SessionLost { .. }) if !stands => {
                self.coverage.note("renew: session lost");
                held.lost = true;
                Ok(())
            }
            answer => Err(format!("renewing {held:?}, which stands: {stands}, gave {answer:?}")),
        }
    }

    async fn end(&mut self, session: usize) -> Checked {
        let Some(place) = self.incarnation(session) else { return Ok(()) };
        let stands = self.stands(place);
        let held = &mut self.incarnations[place];
        held.lost = true;
        answered(held.session.end().await)?;
        self.coverage.note(if stands { "end: ended" } else { "end: lost before" });
        if stands {
            self.oracle.end(held.seat, false);
        }
        Ok(())
    }

    /// What each holder may believe, which asks no store.
    fn check_standings(&self) -> Checked {
        let now = self.now();
        for held in &self.incarnations {
            let lost = held.lost || now >= held.until;
            let must = if lost { Standing::Lost } else { Standing::Live { until: held.until } };
            same(&format!("the standing of {:?}", held.session), &held.session.standing(), &must)?;
        }
        Ok(())
    }

    async fn watch(&mut self, client: usize, prefix: &'static str, after: Option<usize>) -> Checked {
        let after = after.map(|version| self.oracle.log.version(version));
        let watch = answered(self.clients[client].watch(prefix, after).await)?;
        let observer = self.clients[client].observer(watch);
        let position = observer.position();
        self.coverage.note(if after.is_some() { "watch: after a version" } else { "watch: from now on" });
        match after {
            Some(after) => same("the position of a new watch", &position, &after)?,
            None => self.oracle.log.latest_is(position)?,
        }
        self.keep(Watching::new(client, prefix, observer, position));
        Ok(())
    }

    fn keep(&mut self, watching: Watching) {
        if self.watches.len() == WATCHES {
            self.watches.remove(0);
        }
        self.watches.push(watching);
    }

    /// Closes a watch and opens another where it was.
    async fn rewatch(&mut self, watch: usize) -> Checked {
        if self.watches.is_empty() {
            return Ok(());
        }
        self.observe().await?;
        let closed = self.watches.remove(watch % self.watches.len());
        closed.check_position(&self.oracle.log)?;
        self.coverage.note("watch: after a position");
        let position = closed.observer.position();
        let watch = answered(self.clients[closed.client].watch(closed.prefix, Some(position)).await)?;
        let observer = self.clients[closed.client].observer(watch);
        self.keep(Watching::new(closed.client, closed.prefix, observer, position));
        Ok(())
    }

    /// Takes up to `count` of the changes that a watch must have ready.
    async fn next(&mut self, place: usize, count: usize) -> Checked {
        self.observe().await?;
        let history = self.clients[0].history();
        let watching = &mut self.watches[place];
        for _ in 0..count {
            if watching.left(&self.oracle.log) == 0 {
                break;
            }
            let Some(change) = watching.observer.try_next().await else {
                return Err(format!("a watch of {:?} does not show what changed", watching.prefix));
            };
            let change = answered(change)?;
            self.coverage.note(match change {
                Change::Put(_) => "next: put",
                Change::Delete { .. } => "next: delete",
                Change::Resync { .. } => "next: resync",
            });
            watching.check(change, &self.oracle.log, history)?;
        }
        Ok(())
    }

    /// How many changes the watch of everything has yet to show.
    fn due(&self) -> usize {
        self.oracle.log.commits()[self.observed..].iter().map(|commit| commit.changes.len()).sum()
    }

    /// Lets the watch of everything catch up, which tells the versions of what ended.
    async fn observe(&mut self) -> Checked {
        let due = self.due();
        let log = &mut self.oracle.log;
        let mut shown: Vec<Change> = Vec::with_capacity(due);
        for _ in 0..due {
            let Some(change) = self.observer.try_next().await else {
                let missing: Vec<&Changes> =
                    log.commits()[self.observed..].iter().map(|c| &c.changes).collect();
                return Err(format!("a watch showed {shown:?}\nand no more of {missing:?}"));
            };
            shown.push(answered(change)?);
        }
        log.learn(self.observed, &shown)?;
        self.observed = log.commits().len();
        Ok(())
    }

    fn incarnation(&self, number: usize) -> Option<usize> {
        let count = self.incarnations.len();
        (count > 0).then(|| count - 1 - number % count.min(RECENT))
    }

    fn span(&self, span: Span) -> Duration {
        match span {
            Span::Millis(millis) => Duration::from_millis(millis),
            Span::ToDeadline { session, off_by } => {
                let Some(place) = self.incarnation(session) else { return Duration::ZERO };
                let deadline = self.oracle.seats[self.incarnations[place].seat].until.as_nanos();
                let until = Moment::from_nanos(deadline.saturating_add_signed(off_by));
                until.since(self.now())
            }
        }
    }
}

const fn foreign_id(id: SessionId) -> SessionId {
    SessionId { realm: Realm::new(!id.realm.id()), number: id.number }
}

fn token(fence: &Fence, token: Token) -> Fence {
    let scope = fence.scope().clone();
    match token {
        Token::Own => fence.clone(),
        Token::Forged => Fence::new(fence.realm(), scope, fence.epoch() + 1),
        Token::Foreign => Fence::new(Realm::new(!fence.realm().id()), scope, fence.epoch()),
    }
}
