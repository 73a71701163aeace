//! A server of the simulation, and the connection to it as the loops see it.

use std::collections::{HashSet, VecDeque};

use bytes::BytesMut;
use entourage_testkit::Rng;

use super::request::{answer, arguments, keys};

/// What a server knows over all of its connections.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// Keys that it was asked for: each is asked for once, whatever happens to connections.
    seen: HashSet<Vec<u8>>,
    pub(super) asked: u64,
}

/// One connection: what is on its way in both directions.
#[derive(Debug, Default)]
pub(super) struct Link {
    to_server: Vec<u8>,
    pub(super) to_proxy: VecDeque<u8>,
    /// The server has closed it, once what it has said is read.
    pub(super) closed: bool,
    /// It says nothing until then.
    pub(super) stalled_until: u64,
    pub(super) inbox: BytesMut,
}

/// What a server does besides answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// What is no reply at all.
    Garbage,
    /// A reply to another kind of command.
    WrongKind,
}

impl Shard {
    /// Answers up to `most` of what it was asked over this connection, the last with a lie if it has one.
    pub(super) fn serve(&mut self, link: &mut Link, most: usize, lie: Option<Lie>) {
        for _ in 0..most {
            let Some((request, len)) = arguments(&link.to_server) else { return };
            link.to_server.drain(..len);
            self.note(&request);
            if !link.closed {
                link.to_proxy.extend(answer(&request));
            }
        }
        let Some((lie, (request, len))) = lie.zip(arguments(&link.to_server)) else { return };
        link.to_server.drain(..len);
        self.note(&request);
        let words: &[u8] = match lie {
            Lie::Garbage => b"HTTP/1.1 200 OK\r\n\r\n",
            Lie::WrongKind
                if matches!(
                    request[0].to_ascii_lowercase().as_slice(),
                    b"get" | b"set" | b"mset" | b"lrange"
                ) =>
            {
                b":1\r\n"
            }
            Lie::WrongKind => b"+OK\r\n",
        };
        link.to_proxy.extend(words);
    }

    /// A connection ended; what had arrived of it may have been done.
    pub(super) fn end(&mut self, mut link: Link) {
        link.closed = true;
        self.serve(&mut link, usize::MAX, None);
    }

    fn note(&mut self, request: &[Vec<u8>]) {
        self.asked += 1;
        let twice = request[0].eq_ignore_ascii_case(b"mget");
        let mut here = HashSet::new();
        for key in keys(request) {
            let is_new = here.insert(key.clone());
            assert!(is_new || twice, "a request has a key twice");
            let text = || key.escape_ascii().to_string();
            assert!(!is_new || self.seen.insert(key.clone()), "{} was sent twice", text());
        }
    }
}

impl Link {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.to_server.extend_from_slice(bytes);
    }

    /// Whether a part of a request has arrived, and nothing else is on its way.
    pub(super) fn is_cut(&self) -> bool {
        !self.to_server.is_empty() && self.to_proxy.is_empty() && arguments(&self.to_server).is_none()
    }

    /// What is read of it, no more than `most`.
    pub(super) fn read(&mut self, most: usize) -> Vec<u8> {
        let most = most.min(self.to_proxy.len());
        self.to_proxy.drain(..most).collect()
    }
}

/// How much is moved at a time: a byte, a little or all that there is.
pub(super) fn piece(rng: &mut Rng) -> usize {
    match rng.between(0..8) {
        0 => 1,
        1 => rng.between(1..20) as usize,
        2 => rng.between(1..2_000) as usize,
        3 => rng.between(1..30_000) as usize,
        _ => usize::MAX,
    }
}
