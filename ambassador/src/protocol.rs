//! What the loops ask of a wire protocol.

use std::fmt::Debug;

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

    /// Writes the one answer to a scattered request, from the replies to its parts.
    fn merge(&self, merge: Self::Merge, gathered: Gathered<Vec<Option<Bytes>>, Failure>, out: &mut Outbox);

    /// What a new connection to a server begins with (a password, a database), and how many replies
    /// that has.
    fn greeting(&self) -> (Vec<u8>, usize);

    /// Whether the `n`-th reply to the greeting lets the connection be used.
    ///
    /// # Errors
    /// What the server said against it, without a secret.
    fn greeted(&self, n: usize, reply: &[u8]) -> Result<(), String>;

    /// Calls `each` with every key of the request that was split last, if this client may send it.
    fn keys(&self, session: &Self::Session, request: &[u8], each: &mut dyn FnMut(&[u8]));

    /// Asks for all that a key has, and how long it lives: calls `send` with each request.
    fn fetch(&self, key: &[u8], send: &mut dyn FnMut(Self::Expected, &[u8]));

    /// The request that stores what was fetched, by the replies in the order of the requests. It
    /// has to leave a key alone that is there.
    fn store(&self, key: &[u8], replies: &[Bytes]) -> Fetched<Self::Expected>;

    /// Whether this reply to the request that stores says that the key is there.
    fn is_stored(&self, reply: &[u8]) -> bool;

    /// The request that deletes a key.
    fn discard(&self, key: &[u8]) -> (Self::Expected, Vec<u8>);

    /// A harmless request that a healthy server answers at once, and what its reply looks like.
    fn probe(&self) -> (&'static [u8], Self::Expected);
}

/// What was fetched of a key that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fetched<E> {
    /// It is not there.
    Nothing,
    /// It is, and this stores it.
    Store(E, Vec<u8>),
    /// The server said something else.
    Amiss,
}

/// Last words to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parting(pub(crate) Vec<u8>);

/// What a server sent that cannot be a reply to what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Lie(pub(crate) &'static str);
