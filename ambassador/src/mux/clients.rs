//! The clients of a pool.

use entourage_core::Moment;
use slab::Slab;

use super::Lane;
use crate::protocol::Protocol;

/// Names one client, and nobody who comes after it: a reply to one that has gone finds nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey {
    place: u32,
    number: u32,
}

impl ClientKey {
    /// What the mux itself asks for: no client waits for it.
    pub(super) const NOBODY: Self = Self { place: u32::MAX, number: 0 };

    /// Its place, which another has once it is gone.
    pub(crate) const fn place(self) -> usize {
        self.place as usize
    }
}

/// One client: who it is, and what it is owed.
#[derive(Debug)]
pub(crate) struct Client<P: Protocol> {
    number: u32,
    pub(super) session: P::Session,
    pub(super) lane: Lane<P>,
}

/// The clients of a pool.
#[derive(Debug)]
pub(crate) struct Clients<P: Protocol> {
    clients: Slab<Client<P>>,
    /// How many there ever were.
    came: u64,
    /// Those with something to be written, or who may go on.
    listed: Vec<ClientKey>,
}

impl<P: Protocol> Clients<P> {
    pub(super) const fn new() -> Self {
        Self { clients: Slab::new(), came: 0, listed: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn join(&mut self, protocol: &P, peer: &str, now: Moment) -> ClientKey {
        self.came += 1;
        let number = self.came as u32;
        let client = Client { number, session: protocol.session(self.came, peer, now), lane: Lane::new() };
        let place = u32::try_from(self.clients.insert(client)).expect("clients are bounded");
        ClientKey { place, number }
    }

    pub(super) fn leave(&mut self, key: ClientKey) {
        if self.get(key).is_some() {
            self.clients.remove(key.place());
        }
    }

    pub(super) fn get(&self, key: ClientKey) -> Option<&Client<P>> {
        self.clients.get(key.place()).filter(|client| client.number == key.number)
    }

    pub(super) fn get_mut(&mut self, key: ClientKey) -> Option<&mut Client<P>> {
        self.clients.get_mut(key.place()).filter(|client| client.number == key.number)
    }

    /// Has a client looked at by the loop that writes.
    pub(super) fn list(&mut self, key: ClientKey) {
        let client = self.clients.get_mut(key.place()).filter(|client| client.number == key.number);
        if let Some(Client { lane, .. }) = client
            && !lane.listed
        {
            lane.listed = true;
            self.listed.push(key);
        }
    }

    pub(super) const fn is_listed(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Those that were listed since this was called last.
    pub(super) fn take_listed(&mut self, into: &mut Vec<ClientKey>) {
        into.clear();
        std::mem::swap(&mut self.listed, into);
        for key in &*into {
            if let Some(client) = self.get_mut(*key) {
                client.lane.listed = false;
            }
        }
    }

    /// Who has the most in the pool's sum of what is held, if that is so much.
    pub(super) fn largest(&self, least: usize) -> Option<ClientKey> {
        let (place, client) = self.clients.iter().max_by_key(|(_, client)| client.lane.counted())?;
        let place = u32::try_from(place).expect("clients are bounded");
        (client.lane.counted() >= least).then_some(ClientKey { place, number: client.number })
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client<P>> {
        self.clients.iter_mut().map(|(_, client)| client)
    }
}
