//! The wire of Redis: RESP2 frames, commands, and what becomes of each.

pub(crate) mod args;
pub(crate) mod command;
pub(crate) mod dispatch;
mod expected;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod greeting;
pub(crate) mod local;
pub(crate) mod merge;
mod moving;
pub(crate) mod scan;
pub(crate) mod split;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

use bytes::Bytes;
use entourage_core::Moment;
use entourage_scatter_gather::Gathered;

use self::{
    args::{Args, Span},
    command::{Command, Route},
    expected::{Expected, Then},
    merge::Merge,
    wire::{Bounds, Measure, Scan, Scanned},
};
use crate::{
    failure::{Cause, Failure},
    frame::Frame,
    mux::{Desk, Outbox},
    nutcracker::{Pool, Secret},
    options::{Login, Options, Partial},
    protocol::{Asked, Fetched, Greeted, Greeting, Lie, Parting, Protocol, Value},
};

/// What a client may send before it has said the password, as in Redis.
const UNKNOWN_CLIENT: Bounds = Bounds { arguments: 10, bytes: 16 * 1024 };

/// How a reply begins by which a server says that it cannot serve anybody now.
const REFUSALS: [&[u8]; 4] = [b"-LOADING ", b"-BUSY ", b"-OOM ", b"-ERR max number of clients reached"];

/// What a browser is told that was sent here.
const BROWSER: &[u8] = b"-ERR this is no web server\r\n";

/// What a version is called whose servers did not say.
pub(crate) const VERSION: &str = "7.0.15";

/// Redis as one pool speaks it.
#[derive(Debug)]
pub(crate) struct Redis {
    password: Option<Secret>,
    /// What servers are told in its place.
    login: Option<Login>,
    database: u32,
    partial: Partial,
    bounds: Bounds,
    started: Moment,
    port: u16,
    /// The arguments of the request that was split last.
    spans: Vec<Span>,
    /// That request, if it came on one line, as a frame.
    made: Vec<u8>,
    is_made: bool,
    splitter: split::Splitter<Failure>,
}

/// What is remembered of one client.
#[derive(Debug)]
pub(crate) struct Session {
    scan: Scan,
    who: local::Session,
}

impl Protocol for Redis {
    type Session = Session;
    type Expected = Expected;
    type Merge = Merge;
    type Measure = Measure;

    fn of(pool: &Pool, options: &Options, started: Moment, port: u16) -> Self {
        let limits = &options.limits;
        Self {
            password: pool.redis_auth.clone(),
            login: options.access(&pool.name).auth.clone(),
            database: pool.redis_db,
            partial: options.partial,
            bounds: Bounds { arguments: limits.arguments.get(), bytes: limits.frame },
            started,
            port,
            spans: Vec::new(),
            made: Vec::new(),
            is_made: false,
            splitter: split::Splitter::default(),
        }
    }

    fn crowded(&self) -> &'static [u8] {
        b"-ERR max number of clients reached\r\n"
    }

    fn session(&self, number: u64, peer: &str, now: Moment) -> Session {
        let id = i64::try_from(number).unwrap_or(i64::MAX);
        let mut who = local::Session::new(id, self.password.is_none());
        (who.address, who.since) = (peer.into(), Some(now));
        Session { scan: Scan::default(), who }
    }

    fn split(&mut self, session: &mut Session, input: &[u8]) -> Result<Option<usize>, Parting> {
        let bounds = if session.who.is_authenticated() { self.bounds } else { UNKNOWN_CLIENT };
        let scanned = session.scan.request(input, bounds, &mut self.spans, &mut self.made)?;
        self.is_made = matches!(scanned, Scanned::Inline(_));
        if self.is_made && self.is_of_a_browser() {
            return Err(Parting(BROWSER.to_vec()));
        }
        match scanned {
            Scanned::Unfinished => Ok(None),
            Scanned::Frame(len) | Scanned::Inline(len) => Ok(Some(len)),
        }
    }

    #[inline]
    fn dispatch(&mut self, session: &mut Session, frame: Frame<'_>, desk: &mut Desk<'_, Self>) {
        if self.is_made {
            let made = std::mem::take(&mut self.made);
            self.decide(session, Frame::Lent(&made), desk);
            self.made = made;
        } else {
            self.decide(session, frame, desk);
        }
    }

    #[inline]
    fn measure(&self, measure: &mut Measure, expected: Expected, input: &[u8]) -> Result<Option<usize>, Lie> {
        match input.first() {
            Some(first) if measure.is_new() && !expected.reply.allows(*first) => {
                Err(Lie("a reply that is none to its command"))
            }
            _ => measure.reply(input),
        }
    }

    fn skip(&self, measure: &mut Measure, _: &[u8]) -> usize {
        measure.forget()
    }

    #[inline]
    fn relay(&self, expected: Expected, reply: Frame<'_>, out: &mut Outbox) {
        match expected.then {
            Then::Relay | Then::Miss => out.frame(reply),
            Then::Scan { shard, shards } => scan::relay(shard, shards, &reply, out.tail()),
        }
    }

    #[inline]
    fn is_refusal(&self, _: Expected, reply: &[u8]) -> bool {
        reply.first() == Some(&b'-') && REFUSALS.iter().any(|refusal| reply.starts_with(refusal))
    }

    fn fail(&self, expected: Expected, failure: &Failure, out: &mut Outbox) {
        if failure.cause == Cause::Missed && expected.then == Then::Miss {
            out.bytes(b"$-1\r\n");
        } else {
            out.bytes(format!("-ERR {failure}\r\n").as_bytes());
        }
    }

    fn held(merge: &Merge) -> usize {
        merge.held()
    }

    fn merge(&self, merge: Merge, gathered: Gathered<Vec<Option<Bytes>>, Failure>, out: &mut Outbox) {
        merge.write(self.partial, &gathered, out);
    }

    fn greeting(&self, word: &str) -> Greeting<Expected> {
        greeting::write(self.login.as_ref(), self.password.as_ref(), self.database, word)
    }

    fn greeted(&self, word: &str, asked: Asked, reply: &[u8]) -> Greeted {
        greeting::judge(word, asked, reply)
    }

    fn say(&self, failure: &Failure, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("-ERR {failure}\r\n").as_bytes());
    }

    fn keys(&self, session: &Session, request: &[u8], each: &mut dyn FnMut(&[u8])) {
        let frame = if self.is_made { &self.made[..] } else { request };
        let args = Args::new(frame, &self.spans);
        if let Ok(command) = Command::find(&args)
            && session.who.admits(command)
            && matches!(command.route(&args), Route::Keyed | Route::Split(_))
        {
            // What the keys are that cannot be told is said when it is dispatched.
            let _ = command.keys(&args, &mut |key| each(key));
        }
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
        (b"*1\r\n$4\r\nPING\r\n", Expected::of(command::Reply::STATUS))
    }
}

impl Redis {
    /// Whether the line that was split last is of a request of HTTP.
    ///
    /// A page could make a browser send such a request, with commands in its body: as in Redis, it
    /// is read no further.
    fn is_of_a_browser(&self) -> bool {
        let name = Args::new(&self.made, &self.spans).get(0).unwrap_or_default();
        name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
    }
}

/// Appends a request of these arguments.
fn frame(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    header(out, b'*', arguments.len());
    for argument in arguments {
        header(out, b'$', argument.len());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends a line with a number: how many arguments, or how many bytes.
pub(crate) fn header(out: &mut Vec<u8>, kind: u8, number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}
