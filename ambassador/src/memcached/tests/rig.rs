//! A pool between a client and servers that the test plays.

use std::io::IoSlice;

use bytes::{Buf, BytesMut};
use entourage_core::Moment;

use crate::{
    failure::Cause,
    limits::Limits,
    memcached::Memcached,
    mux::{ClientKey, Input, Mux, Taken},
    nutcracker::Config,
    options::{OnEjected, Options, Partial},
    pool::{Ejection, Router},
    protocol::Protocol,
};

/// One client of a pool whose servers are connected, and played by the test.
#[derive(Debug)]
pub(super) struct Rig {
    mux: Mux<Memcached>,
    client: ClientKey,
    unread: BytesMut,
    replies: Vec<BytesMut>,
}

impl Rig {
    pub(super) fn new(servers: usize) -> Self {
        Self::with(servers, Partial::Error, OnEjected::Rehash, Limits::default())
    }

    pub(super) fn with(servers: usize, partial: Partial, on_ejected: OnEjected, limits: Limits) -> Self {
        let listed: String = (0..servers).map(|server| format!("  - 127.0.0.1:1:1 s{server}\n")).collect();
        let config = Config::parse(&format!("pool:\n  listen: 127.0.0.1:2\n  servers:\n{listed}"));
        let config = config.expect("the pool is sound");
        let router = Router::new(&config.pools[0], on_ejected).expect("a few servers can be placed");
        let ejection = Ejection { limit: Some(1), retry: std::time::Duration::from_secs(30) };
        let options = Options { partial, limits: limits.clone(), ..Options::default() };
        let protocol = Memcached::of(&config.pools[0], &options, Moment::ZERO, 0);
        let mut mux = Mux::new(protocol, router, 1, ejection, limits);
        (0..servers).for_each(|line| mux.connected(line));
        let client = mux.join("127.0.0.1:3").expect("it is the first");
        Self { mux, client, unread: BytesMut::new(), replies: vec![BytesMut::new(); servers] }
    }

    /// The client sends.
    pub(super) fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.unread.extend_from_slice(bytes);
        self.go_on();
        self
    }

    /// Takes what it has sent before and could not be taken; says whether there may be more.
    pub(super) fn go_on(&mut self) -> bool {
        self.mux.take(self.client, &mut Input::Held(&mut self.unread)) == Taken::Enough
    }

    /// What a server is sent.
    pub(super) fn asked(&mut self, server: usize) -> Vec<u8> {
        let mut asked = Vec::new();
        loop {
            let mut slices = [IoSlice::new(&[]); 8];
            let filled = self.mux.for_server(server, &mut slices);
            let before = asked.len();
            slices[..filled].iter().for_each(|slice| asked.extend_from_slice(slice));
            if asked.len() == before {
                return asked;
            }
            self.mux.sent(server, asked.len() - before);
        }
    }

    /// A server replies.
    pub(super) fn reply(&mut self, server: usize, bytes: &[u8]) -> Result<(), &'static str> {
        self.replies[server].extend_from_slice(bytes);
        self.mux.reply(server, &mut Input::Held(&mut self.replies[server]))
    }

    /// How many bytes of a server's are held.
    pub(super) fn unmeasured(&self, server: usize) -> usize {
        self.replies[server].remaining()
    }

    /// A server's connection is gone.
    pub(super) fn lose(&mut self, server: usize) {
        self.mux.lose(server, Cause::Lost);
    }

    /// A server is ejected.
    pub(super) fn eject(&mut self, server: usize) {
        self.mux.lose(server, Cause::TimedOut);
    }

    /// What the client is told.
    pub(super) fn told(&mut self) -> Vec<u8> {
        let mut told = Vec::new();
        loop {
            let mut slices = [IoSlice::new(&[]); 8];
            let filled = self.mux.for_client(self.client, &mut slices);
            let before = told.len();
            slices[..filled].iter().for_each(|slice| told.extend_from_slice(slice));
            if told.len() == before {
                return told;
            }
            self.mux.wrote_to_client(self.client, told.len() - before);
        }
    }

    /// Whether the client waits for a server.
    pub(super) fn waits(&mut self) -> bool {
        self.mux.standing(self.client).waits
    }

    /// Whether the client is to be closed.
    pub(super) fn is_ending(&mut self) -> bool {
        self.mux.standing(self.client).ending
    }

    /// How many bytes of the client's are held.
    pub(super) fn held(&self) -> usize {
        self.unread.remaining()
    }

    /// A key of each server, in the order of the servers.
    pub(super) fn keys(servers: usize) -> Vec<String> {
        let mut rig = Self::new(servers);
        let mut keys = vec![String::new(); servers];
        for number in 0.. {
            let key = format!("key{number}");
            rig.send(format!("get {key}\r\n").as_bytes());
            for (server, place) in keys.iter_mut().enumerate() {
                if !rig.asked(server).is_empty() {
                    rig.reply(server, b"END\r\n").expect("it was asked");
                    *place = key.clone();
                }
            }
            if keys.iter().all(|key| !key.is_empty()) {
                break;
            }
        }
        keys
    }
}

/// What was said, to be read.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
