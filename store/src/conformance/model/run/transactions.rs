//! Transactions and swaps.

use bytes::Bytes;
use entourage_core::{Fence, Realm};

use super::{Checked, Run, answered, same, sessions::foreign_id};
use crate::{
    Error, Outcome, StoreExt, Swap, Test, Txn,
    conformance::model::step::{Demand, Expected, KEYS, Token, Write},
};

impl Run {
    pub(super) fn txn(&self, demands: &[Demand], writes: &[Write]) -> Txn {
        let mut txn = demands.iter().fold(Txn::new(), |txn, demand| self.demand(txn, demand));
        for write in writes {
            txn = match write {
                Write::Delete { key } => txn.delete(KEYS[*key]),
                Write::Put { key, value, session, foreign } => {
                    let value = Bytes::from(vec![b'v'; usize::from(*value)]);
                    match session.and_then(|session| self.incarnation(session)) {
                        Some(place) => {
                            let id = self.incarnations[place].session.id();
                            txn.put_with(KEYS[*key], value, if *foreign { foreign_id(id) } else { id })
                        }
                        None => txn.put(KEYS[*key], value),
                    }
                }
            };
        }
        txn
    }

    fn demand(&self, txn: Txn, demand: &Demand) -> Txn {
        match demand {
            Demand::Absent { key } => txn.when(KEYS[*key], Test::Absent),
            Demand::Present { key } => txn.when(KEYS[*key], Test::Present),
            Demand::Version { key, version } => {
                txn.when(KEYS[*key], Test::Version(self.oracle.log.version(*version)))
            }
            Demand::Created { key, version } => {
                txn.when(KEYS[*key], Test::Created(self.oracle.log.version(*version)))
            }
            Demand::AsItIs { key, by_creation } => {
                let test = match self.oracle.get(KEYS[*key]) {
                    None => Test::Absent,
                    Some(entry) if *by_creation => Test::Created(entry.created),
                    Some(entry) => Test::Version(entry.version),
                };
                txn.when(KEYS[*key], test)
            }
            Demand::Holds { session, fence } => match self.incarnation(*session) {
                Some(place) => txn.when_held(token(self.incarnations[place].session.fence(), *fence)),
                None => txn,
            },
        }
    }

    pub(super) async fn transact(&mut self, client: usize, txn: Txn) -> Checked {
        let answer = self.clients[client].transact(txn.clone()).await;
        let commits = self.oracle.log.commits().len();
        self.oracle.transact(&txn, &answer)?;
        self.coverage.note(match &answer {
            Ok(Outcome::Applied { .. }) if self.oracle.log.commits().len() == commits => {
                "transact: applied without a change"
            }
            Ok(Outcome::Applied { .. }) => "transact: applied",
            Ok(Outcome::Refused { .. }) => "transact: refused",
            Err(Error::ForeignRealm { .. }) => "transact: foreign realm",
            Err(Error::SessionLost { .. }) => "transact: session lost",
            Err(_) => "transact: invalid",
        });
        Ok(())
    }

    pub(super) async fn swap(&mut self, client: usize, key: &str, expected: Expected) -> Checked {
        let stands = self.oracle.get(key).cloned();
        let value = stands.as_ref().map(|entry| entry.value.clone());
        let expected = match expected {
            Expected::Absent => None,
            Expected::AsItIs => value.clone(),
            Expected::Other => Some(Bytes::from_static(b"other")),
        };
        let next = Bytes::from_static(b"swapped");
        let swap = self.clients[client].compare_and_swap(key, next.clone(), expected.as_deref()).await;
        match (answered(swap)?, stands) {
            (Swap::Swapped { version }, _) if expected == value => {
                self.coverage.note("swap: swapped");
                let txn = Txn::new().put(key, next);
                self.oracle.transact(&txn, &Ok(Outcome::Applied { version }))
            }
            (Swap::Missing, None) if expected.is_some() => {
                self.coverage.note("swap: missing");
                Ok(())
            }
            (Swap::Differs { found }, Some(stands)) if expected.as_ref() != Some(&stands.value) => {
                self.coverage.note("swap: differs");
                same("what differs", &found, &stands)
            }
            (swap, stands) => Err(format!("with {stands:?} and {expected:?} expected: {swap:?}")),
        }
    }
}

fn token(fence: &Fence, token: Token) -> Fence {
    let scope = fence.scope().clone();
    match token {
        Token::Own => fence.clone(),
        Token::Forged => Fence::new(fence.realm(), scope, fence.epoch() + 1),
        Token::Foreign => Fence::new(Realm::new(!fence.realm().id()), scope, fence.epoch()),
    }
}
