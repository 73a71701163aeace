//! Sessions, and what their holders may believe.

use std::time::Duration;

use entourage_core::{Moment, Realm};

use super::{Checked, Run, answered, same};
use crate::{
    Error, Session, SessionId, Standing,
    conformance::model::{oracle::Seat, step::Span},
};

/// Steps name one of so many latest sessions, so that most are live.
const RECENT: usize = 5;

/// A session in a client's hands, with what its holder may believe.
#[derive(Debug)]
pub(crate) struct Incarnation {
    pub(super) session: Session,
    seat: usize,
    until: Moment,
    lost: bool,
}

impl Run {
    pub(super) async fn open(&mut self, client: usize, ttl: Duration) -> Checked {
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

    pub(super) async fn resume(&mut self, client: usize, session: usize, foreign: bool) -> Checked {
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

    pub(super) async fn renew(&mut self, session: usize) -> Checked {
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

    pub(super) async fn end(&mut self, session: usize) -> Checked {
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
    pub(super) fn check_standings(&self) -> Checked {
        let now = self.now();
        for held in &self.incarnations {
            let lost = held.lost || now >= held.until;
            let must = if lost { Standing::Lost } else { Standing::Live { until: held.until } };
            same(&format!("the standing of {:?}", held.session), &held.session.standing(), &must)?;
        }
        Ok(())
    }

    pub(super) fn incarnation(&self, number: usize) -> Option<usize> {
        let count = self.incarnations.len();
        (count > 0).then(|| count - 1 - number % count.min(RECENT))
    }

    pub(super) fn span(&self, span: Span) -> Duration {
        match span {
            Span::Millis(millis) => Duration::from_millis(millis),
            Span::ToDeadline { session, off_by } => {
                let Some(place) = self.incarnation(session) else { return Duration::ZERO };
                let deadline = self.oracle.seats[self.incarnations[place].seat].until.as_nanos();
                let off_by = off_by.saturating_mul(self.clients[0].grain());
                let until = Moment::from_nanos(deadline.saturating_add_signed(off_by));
                until.since(self.now())
            }
        }
    }
}

/// The same id in another realm.
pub(super) const fn foreign_id(id: SessionId) -> SessionId {
    SessionId { realm: Realm::new(!id.realm.id()), number: id.number }
}
