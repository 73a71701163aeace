//! What the loops ask of a wire protocol.

use std::{fmt::Debug, time::Duration};

use bytes::Bytes;
use entourage_core::Moment;
use entourage_scatter_gather::Gathered;

use crate::{
    failure::Failure,
    frame::Frame,
    mux::{Desk, Outbox},
    nutcracker::Pool,
    options::Options,
};

/// The decisions of one wire protocol: bytes in, decisions out, without a socket or a clock.
///
/// A request is [split](Self::split) off what a client sent, then [dispatched](Self::dispatch): the
/// desk forwards it, scatters it or answers it. A reply is [measured](Self::measure) off what
/// a server sent, in the order of what was forwarded to it, and [relayed](Self::relay) or, where its
/// request was scattered, [merged](Self::merge) with the others.
pub(crate) trait Protocol: Sized + 'static {
    /// What is remembered of one client: how far its next request was scanned, who it is.
    type Session: Debug;
    /// What is remembered of a request in flight: what its reply may look like, what becomes of it.
    type Expected: Copy + Debug;
    /// How the parts of a scattered request become one answer.
    type Merge: Debug;
    /// How far the reply at the front was measured.
    type Measure: Default + Debug;

    /// The protocol as this pool speaks it, which listens at `port` and began at `started`.
    fn of(pool: &Pool, options: &Options, started: Moment, port: u16) -> Self;

    /// What a client is told that is one too many.
    fn crowded(&self) -> &'static [u8];

    /// A client that has just come from `peer`, the `number`-th.
    fn session(&self, number: u64, peer: &str, now: Moment) -> Self::Session;

    /// How many bytes at the front of `input` are one request; `None` while more are needed.
    ///
    /// `input` begins where the last request ended. Called again with the same bytes and more, it
    /// goes on where it was: what `Session` remembers counts from the request's first byte. A
    /// request that is no good but whose end is known is a frame too; `dispatch` then says so.
    ///
    /// # Errors
    /// The words to the client, after which nothing that it sends can be understood.
    fn split(&mut self, session: &mut Self::Session, input: &[u8]) -> Result<Option<usize>, Parting>;

    /// Decides what becomes of the request that was split last.
    fn dispatch(&mut self, session: &mut Self::Session, frame: Frame<'_>, desk: &mut Desk<'_, Self>);

    /// How many bytes at the front of `input` are the reply to the oldest request in flight; `None`
    /// while more are needed. `measure` is empty at a reply's first byte.
    ///
    /// # Errors
    /// The reply cannot be of that request: the connection lies, and nothing on it is believed.
    fn measure(
        &self,
        measure: &mut Self::Measure,
        expected: Self::Expected,
        input: &[u8],
    ) -> Result<Option<usize>, Lie>;

    /// Forgets what is measured of an unfinished reply, whose bytes are thrown away since there are too
    /// many; how many bytes at the front of `input` that are.
    fn skip(&self, measure: &mut Self::Measure, input: &[u8]) -> usize;

    /// Writes a whole reply to the client whose request it answers.
    fn relay(&self, expected: Self::Expected, reply: Frame<'_>, out: &mut Outbox) {
        let _ = expected;
        out.frame(reply);
    }

    /// Whether this reply says that the server cannot serve: it counts as a failure of it.
    fn is_refusal(&self, expected: Self::Expected, reply: &[u8]) -> bool;

    /// Writes to the client why its request has no reply.
    fn fail(&self, expected: Self::Expected, failure: &Failure, out: &mut Outbox);

    /// Writes to a client why its request was not sent.
    fn say(&self, failure: &Failure, out: &mut Vec<u8>);

    /// How many bytes are remembered of a scattered request until all its parts are answered.
    fn held(merge: &Self::Merge) -> usize;

    /// Writes the one answer to a scattered request, from the replies to its parts.
    fn merge(&self, merge: Self::Merge, gathered: Gathered<Vec<Option<Bytes>>, Failure>, out: &mut Outbox);

    /// What a new connection to a server begins with. `word` is one that nobody can know before it is
    /// said over this connection, for servers that can be made to say it back.
    fn greeting(&self, word: &str) -> Greeting<Self::Expected>;

    /// What a reply to a request of the greeting says about the connection.
    fn greeted(&self, word: &str, asked: Asked, reply: &[u8]) -> Greeted;

    /// Calls `each` with every key of the request that was split last, if this client may send it.
    fn keys(&self, session: &Self::Session, request: &[u8], each: &mut dyn FnMut(&[u8]));

    /// Asks for all that a key has, and how long it lives: calls `send` with each request.
    fn fetch(&self, key: &[u8], send: &mut dyn FnMut(Self::Expected, &[u8]));

    /// What was fetched, by the replies in the order of the requests.
    fn fetched(&self, replies: &[Bytes]) -> Fetched;

    /// The request that stores a value. One that is there it `replaces`, or else leaves alone.
    fn store(&self, key: &[u8], value: &Value, replaces: bool) -> (Self::Expected, Vec<u8>);

    /// Whether this reply to the request that stores says that the key is there, by now or from before.
    fn is_stored(&self, reply: &[u8]) -> bool;

    /// The request that deletes a key.
    fn discard(&self, key: &[u8]) -> (Self::Expected, Vec<u8>);

    /// A harmless request that a healthy server answers at once, and what its reply looks like.
    fn probe(&self) -> (&'static [u8], Self::Expected);
}

/// What a new connection to a server begins with.
#[derive(Debug)]
pub(crate) struct Greeting<E> {
    pub(crate) bytes: Vec<u8>,
    /// Of how many requests that is: a password and a database where they are wanted, and last the proof.
    pub(crate) requests: usize,
    /// What the reply to each of them looks like.
    pub(crate) expected: E,
}

/// Which request of a greeting a reply is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// One that has to be granted: a password, a database.
    Entry,
    /// What is asked because the answer is known, so that every reply behind it is that of its request.
    Proof,
    /// What is asked since the reply to that was neither the answer nor a lie.
    Again,
}

/// What a reply to a greeting says about the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Greeted {
    Fine,
    /// The server refused to answer: this request, whose reply is judged as [`Asked::Again`], tells more.
    Ask(Vec<u8>),
    /// The server does not let the proxy in. In its words, without a secret.
    Refused(String),
    /// It is no reply to what was asked.
    Lie(Lie),
}

/// So many characters of what a server says against a connection are told.
const TOLD: usize = 100;

impl Greeted {
    /// The server does not let the proxy in, and says this.
    ///
    /// Told is what it says up to the first quote: what it quotes of the greeting may be the password, or
    /// the beginning of it.
    pub(crate) fn refused(words: &[u8]) -> Self {
        let quote = words.iter().position(|byte| matches!(byte, b'\'' | b'`' | b'"'));
        let told = String::from_utf8_lossy(&words[..quote.unwrap_or(words.len())]);
        let told = told.trim_end();
        let cut = told.char_indices().nth(TOLD).map(|(at, _)| at);
        let more = if quote.is_some() || cut.is_some() { "…" } else { "" };
        Self::Refused(format!("{}{more}", told[..cut.unwrap_or(told.len())].trim_end()))
    }
}

/// What was fetched of a key that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// It is not there.
    Nothing,
    /// It is.
    Value(Value),
    /// The server said something else.
    Amiss,
}

/// What a server has of a key: all that moves with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// The value, as the server gives it and takes it.
    pub(crate) bytes: Bytes,
    /// What clients have written beside it; 0 where servers know no such thing.
    pub(crate) flags: u64,
    /// How long it lives, no longer than a server can be told; `None`: for ever.
    pub(crate) left: Option<Duration>,
}

/// Last words to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parting(pub(crate) Vec<u8>);

/// What a server sent that cannot be a reply to what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Lie(pub(crate) &'static str);
