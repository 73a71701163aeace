//! The wire of memcached: text and meta commands, and what becomes of each.
//!
//! Commands and their errors are those of memcached's `doc/protocol.txt` and of the program, 1.6; where
//! servers differ, the stricter reading is taken. What is forwarded is what every one of them reads
//! as one request with one reply.

mod dispatch;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod greeting;
mod line;
mod merge;
mod meta;
mod moving;
mod plan;
mod reply;
mod request;
mod split;
#[cfg(test)]
mod tests;
mod words;

use bytes::Bytes;
use entourage_core::Moment;
use entourage_scatter_gather::Gathered;

pub(crate) use self::{
    merge::Merge,
    reply::{Expected, Measure},
    split::Session,
};
use self::{
    merge::said,
    plan::Plan,
    reply::{Kind, is_silenced},
    request::Silence,
    split::Bounds,
};
use crate::{
    failure::{Cause, Failure},
    frame::Frame,
    mux::{Desk, Outbox},
    nutcracker::Pool,
    options::{Options, Partial},
    protocol::{Asked, Fetched, Greeted, Greeting, Lie, Parting, Protocol, Value},
};

/// The wire of memcached.
#[derive(Debug)]
pub(crate) struct Memcached {
    partial: Partial,
    bounds: Bounds,
    plan: Plan,
    /// Whether the request that was split last wants no answer, not even an error.
    is_silent: bool,
}

impl Protocol for Memcached {
    type Session = Session;
    type Expected = Expected;
    type Merge = Merge;
    type Measure = Measure;

    fn of(_: &Pool, options: &Options, _: Moment, _: u16) -> Self {
        let limits = &options.limits;
        let bounds = Bounds { frame: limits.frame, arguments: limits.arguments.get() };
        Self { partial: options.partial, bounds, plan: Plan::default(), is_silent: false }
    }

    /// As memcached says it.
    fn crowded(&self) -> &'static [u8] {
        b"ERROR Too many open connections\r\n"
    }

    fn session(&self, _: u64, _: &str, _: Moment) -> Session {
        Session::new()
    }

    fn split(&mut self, session: &mut Session, input: &[u8]) -> Result<Option<usize>, Parting> {
        let split = session.split(self.bounds, input);
        self.is_silent = session.request.silence == Silence::All;
        split
    }

    fn dispatch(&mut self, session: &mut Session, frame: Frame<'_>, desk: &mut Desk<'_, Self>) {
        self.decide(session, frame, desk);
    }

    fn measure(&self, measure: &mut Measure, expected: Expected, input: &[u8]) -> Result<Option<usize>, Lie> {
        measure.reply(expected, input)
    }

    fn skip(&self, measure: &mut Measure, input: &[u8]) -> usize {
        measure.skip(input)
    }

    fn relay(&self, expected: Expected, reply: Frame<'_>, out: &mut Outbox) {
        if is_silenced(expected, &reply) {
            return;
        }
        match expected.kind {
            Kind::Outgrown => said(out, words::TOO_LARGE),
            _ => out.frame(reply),
        }
    }

    /// Never: what a server of memcached refuses, it refuses to this request alone.
    fn is_refusal(&self, _: Expected, _: &[u8]) -> bool {
        false
    }

    fn fail(&self, expected: Expected, failure: &Failure, out: &mut Outbox) {
        let is_read = matches!(expected.kind, Kind::Values { .. });
        match failure.cause {
            _ if expected.silence == Silence::All => {}
            Cause::Missed if is_read => said(out, words::END),
            _ => said(out, &format!("SERVER_ERROR {failure}")),
        }
    }

    fn held(merge: &Merge) -> usize {
        merge.held()
    }

    fn merge(&self, merge: Merge, gathered: Gathered<Vec<Option<Bytes>>, Failure>, out: &mut Outbox) {
        merge.write(gathered, self.partial, out);
    }

    fn greeting(&self, _: &str) -> Greeting<Expected> {
        greeting::write()
    }

    fn greeted(&self, _: &str, _: Asked, reply: &[u8]) -> Greeted {
        greeting::judge(reply)
    }

    fn say(&self, failure: &Failure, out: &mut Vec<u8>) {
        if !self.is_silent {
            out.extend_from_slice(format!("SERVER_ERROR {failure}\r\n").as_bytes());
        }
    }

    fn keys(&self, session: &Session, request: &[u8], each: &mut dyn FnMut(&[u8])) {
        moving::keys(session, request, each);
    }

    fn fetch(&self, key: &[u8], send: &mut dyn FnMut(Expected, &[u8])) {
        moving::fetch(key, send);
    }

    fn fetched(&self, replies: &[Bytes]) -> Fetched {
        moving::fetched(replies)
    }

    fn store(&self, key: &[u8], value: &Value, replaces: bool) -> (Expected, Vec<u8>) {
        moving::store(key, value, replaces)
    }

    fn is_stored(&self, reply: &[u8]) -> bool {
        moving::is_stored(reply)
    }

    fn discard(&self, key: &[u8]) -> (Expected, Vec<u8>) {
        moving::discard(key)
    }

    fn probe(&self) -> (&'static [u8], Expected) {
        (greeting::QUESTION, greeting::EXPECTED)
    }
}
