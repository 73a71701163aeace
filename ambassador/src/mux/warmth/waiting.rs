//! Clients whose requests wait for keys that move.

use std::collections::HashMap;

use super::ClientKey;
use crate::failure::Failure;

/// One request that waits: whose it is, and a number that no other has.
pub(super) type Waiter = (ClientKey, u32);

/// Clients whose next request waits for keys, one of each.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    clients: HashMap<ClientKey, Wait>,
    /// Those that wait for room, in the order in which they came.
    crowd: Vec<ClientKey>,
    /// How many requests have ever waited.
    waited: u32,
}

/// How far a request has come.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) number: u32,
    /// So many of its keys, the first, may be used as long as the same servers serve.
    pub(super) passed: usize,
    /// Which these are: [`Router::changes`](crate::pool::Router::changes).
    pub(super) changes: u32,
    pub(super) until: Until,
}

/// What a request waits for.
#[derive(Debug)]
pub(super) enum Until {
    /// The end of the move of this number, the last that it has asked for.
    Arrival(u32),
    /// That more keys may move.
    Room,
    /// Nothing: it is to be looked at again.
    Now,
    /// Nothing, since a key of it did not move.
    Failed(Failure),
}

impl Waiting {
    /// Whether there is no use in looking at this client's next request.
    pub(super) fn has(&self, client: ClientKey) -> bool {
        self.clients.get(&client).is_some_and(|wait| matches!(wait.until, Until::Arrival(_) | Until::Room))
    }

    /// Takes out how far this client's request had come, or begins with it.
    pub(super) fn resume(&mut self, client: ClientKey) -> Wait {
        self.clients.remove(&client).unwrap_or_else(|| {
            self.waited = self.waited.wrapping_add(1);
            Wait { number: self.waited, passed: 0, changes: 0, until: Until::Now }
        })
    }

    pub(super) fn wait(&mut self, client: ClientKey, wait: Wait) {
        if matches!(wait.until, Until::Room) {
            self.crowd.push(client);
        }
        self.clients.insert(client, wait);
    }

    /// The client is gone.
    pub(super) fn leave(&mut self, client: ClientKey) {
        self.clients.remove(&client);
    }

    /// A key has arrived; who of these has waited for nothing else.
    pub(super) fn arrived(&mut self, number: u32, waiters: Vec<Waiter>) -> Vec<ClientKey> {
        let awaits = |wait: &Wait| matches!(wait.until, Until::Arrival(last) if last == number);
        self.wake(waiters, awaits, || Until::Now)
    }

    /// A key did not move; who of these is to be told.
    pub(super) fn failed(&mut self, failure: &Failure, waiters: Vec<Waiter>) -> Vec<ClientKey> {
        self.wake(waiters, |_| true, || Until::Failed(failure.clone()))
    }

    /// More keys may move: who has waited for that.
    pub(super) fn room(&mut self) -> Vec<ClientKey> {
        let mut crowd = std::mem::take(&mut self.crowd);
        crowd.retain(|client| match self.clients.get_mut(client) {
            Some(wait) if matches!(wait.until, Until::Room) => {
                wait.until = Until::Now;
                true
            }
            _ => false,
        });
        crowd
    }

    /// All who wait.
    pub(super) fn clients(&self) -> impl Iterator<Item = ClientKey> {
        self.clients.keys().copied()
    }

    fn wake(
        &mut self,
        mut waiters: Vec<Waiter>,
        awaits: impl Fn(&Wait) -> bool,
        until: impl Fn() -> Until,
    ) -> Vec<ClientKey> {
        waiters.retain(|(client, number)| {
            // By now it may wait with another request.
            let wait = self.clients.get_mut(client).filter(|wait| wait.number == *number && awaits(wait));
            wait.map(|wait| wait.until = until()).is_some()
        });
        waiters.into_iter().map(|(client, _)| client).collect()
    }
}
