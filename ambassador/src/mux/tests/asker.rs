//! A client of the simulation, and its connection as the loops see it.

use std::collections::VecDeque;

use bytes::BytesMut;
use entourage_testkit::Rng;

use super::{
    request::{Mux, Request, Verdict, reply_len, request},
    shard::piece,
};
use crate::mux::{ClientKey, Input, Taken};

/// What its connection holds that it has not read.
const SOCKET: usize = 6 * 1024;

/// A client: what it has still to send, and what it waits for.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) key: ClientKey,
    /// Written and not yet arrived.
    outgoing: VecDeque<u8>,
    inbox: BytesMut,
    pub(super) taken: Taken,
    wants: VecDeque<Request>,
    /// Written to it and not yet read.
    socket: Vec<u8>,
    received: Vec<u8>,
    pub(super) right: u64,
    pub(super) failed: u64,
}

impl Asker {
    pub(super) fn new(key: ClientKey) -> Self {
        Self {
            key,
            outgoing: VecDeque::new(),
            inbox: BytesMut::new(),
            taken: Taken::All,
            wants: VecDeque::new(),
            socket: Vec::new(),
            received: Vec::new(),
            right: 0,
            failed: 0,
        }
    }

    /// Writes some requests; how many.
    pub(super) fn ask(&mut self, rng: &mut Rng, id: &mut u64, most: u64) -> u64 {
        if self.wants.len() > 200 {
            return 0;
        }
        let count = rng.between(1..most + 1);
        for _ in 0..count {
            let request = request(rng, id);
            self.outgoing.extend(&request.bytes);
            self.wants.push_back(request);
        }
        count
    }

    /// Some of what it wrote arrives; as the loop of a client has it.
    pub(super) fn arrive(&mut self, rng: &mut Rng, mux: &mut Mux) {
        if self.taken != Taken::All || self.outgoing.is_empty() {
            return;
        }
        let count = piece(rng).min(self.outgoing.len());
        let bytes: Vec<u8> = self.outgoing.drain(..count).collect();
        if self.inbox.is_empty() {
            let mut input = Input::Lent(&bytes);
            self.taken = mux.take(self.key, &mut input);
            self.inbox.extend_from_slice(input.rest());
        } else {
            self.inbox.extend_from_slice(&bytes);
            self.taken = mux.take(self.key, &mut Input::Held(&mut self.inbox));
        }
        assert_ne!(self.taken, Taken::Ending, "a client that does no wrong is ended");
    }

    /// As the task of a client when it is woken.
    pub(super) fn wake(&mut self, mux: &mut Mux) {
        self.fill(mux);
        if self.taken == Taken::Enough {
            self.taken = mux.take(self.key, &mut Input::Held(&mut self.inbox));
        }
    }

    /// Writes to its connection what goes in; whether all did.
    pub(super) fn fill(&mut self, mux: &mut Mux) -> bool {
        loop {
            let mut slices = [std::io::IoSlice::new(&[]); 3];
            let filled = mux.for_client(self.key, &mut slices);
            if filled == 0 {
                return true;
            }
            let mut room = SOCKET.saturating_sub(self.socket.len());
            let before = room;
            for slice in &slices[..filled] {
                let step = room.min(slice.len());
                self.socket.extend_from_slice(&slice[..step]);
                room -= step;
            }
            if before == room {
                return false;
            }
            mux.wrote_to_client(self.key, before - room);
        }
    }

    /// Reads some of what was written to it, and judges each reply; a key that is `spared` has no failure.
    pub(super) fn read(&mut self, rng: &mut Rng, mux: &mut Mux, mut spared: impl FnMut(&[u8]) -> bool) {
        let was_full = self.socket.len() >= SOCKET;
        let count = piece(rng).min(self.socket.len());
        self.received.extend(self.socket.drain(..count));
        let mut at = 0;
        while let Some(len) = reply_len(&self.received[at..]).filter(|_| at < self.received.len()) {
            let reply = &self.received[at..at + len];
            let Some(request) = self.wants.pop_front() else {
                panic!("nobody asked for {:?}", reply.escape_ascii().to_string());
            };
            let spared = request.key.as_ref().is_some_and(|key| spared(key));
            match request.want.judge(reply) {
                Verdict::Right => self.right += 1,
                Verdict::Failed if !spared => self.failed += 1,
                verdict => panic!(
                    "{verdict:?}: {:?} is answered with {:?}",
                    request.bytes.escape_ascii().to_string(),
                    reply.escape_ascii().to_string()
                ),
            }
            at += len;
        }
        self.received.drain(..at);
        if was_full && count > 0 {
            // Its connection can be written to again, and its task is woken for that.
            self.wake(mux);
        }
    }

    /// Whether it has all of its replies.
    pub(super) fn is_content(&self) -> bool {
        self.wants.is_empty()
    }

    pub(super) fn waits_for(&self) -> usize {
        self.wants.len()
    }
}
