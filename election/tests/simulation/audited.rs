//! A store that tells the judge what it did, at the moment at which it does it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};
use entourage_store::{
    Capabilities, Condition, Entry, Listing, Operation, Order, Outcome, Result, Session, SessionId, Store,
    Test, Txn, Version, Watch, What,
};

use crate::{DOCUMENT, FENCE_KEY, NAME, judge::Judge, tally::Life};

/// The store as requests of one life of one process reach it.
#[derive(Debug)]
pub(crate) struct Audited {
    inner: Arc<dyn Store>,
    judge: Arc<Judge>,
    life: Life,
}

/// Where the key of a claim stands.
#[derive(Debug)]
enum Standing {
    First,
    /// It is next, and the transaction deletes the first.
    Heir,
    /// It is first already, and the transaction is of another contender.
    Taken,
    /// It waits, and this one is first.
    Behind(String),
    /// It comes as not the first, or is not there.
    Elsewhere,
}

impl Audited {
    pub(crate) const fn new(inner: Arc<dyn Store>, judge: Arc<Judge>, life: Life) -> Self {
        Self { inner, judge, life }
    }

    /// Who is first in the queue at this moment, and who is next.
    async fn head(&self) -> [Option<String>; 2] {
        let head = What::prefix(format!("{NAME}/")).ordered(Order::Created).limit(2);
        let Ok(listing) = self.inner.list(&head).await else { return [None, None] };
        let mut keys = listing.entries.into_iter().map(|entry| entry.key);
        [keys.next(), keys.next()]
    }

    /// With which key a transaction takes the fence, if it does.
    fn claims(txn: &Txn) -> Option<String> {
        txn.operations.iter().find_map(|operation| match operation {
            Operation::Put { key, value, .. } if key == FENCE_KEY => {
                let written = std::str::from_utf8(value).ok()?;
                written.split_once(' ').map(|(_, own)| own.to_owned())
            }
            _ => None,
        })
    }

    /// How a claim with this key stands in the queue before it happens.
    async fn standing(&self, txn: &Txn, own: &str) -> Standing {
        let comes = |operation: &Operation| matches!(operation, Operation::Put { key, .. } if key == own);
        let waits = |condition: &Condition| matches!(condition, Condition::Key { key, test: Test::Version(_) } if key == own);
        let [first, next] = self.head().await;
        let goes = |operation: &Operation| matches!(operation, Operation::Delete { key } if first.as_ref() == Some(key));
        if next.as_deref() == Some(own) && txn.operations.iter().any(goes) {
            return Standing::Heir;
        }
        match first {
            Some(first)
                if first == own && !txn.conditions.iter().any(waits) && !txn.operations.iter().any(comes) =>
            {
                Standing::Taken
            }
            Some(first) if first == own => Standing::First,
            None if txn.operations.iter().any(comes) => Standing::First,
            // To come together with the fence is tried unasked; to claim alone takes being first.
            Some(first) if txn.conditions.iter().any(waits) => Standing::Behind(first),
            _ => Standing::Elsewhere,
        }
    }

    async fn judged(&self, txn: Txn) -> Result<Outcome> {
        let claim = Self::claims(&txn);
        let standing = match &claim {
            Some(own) => self.standing(&txn, own).await,
            None => Standing::Elsewhere,
        };
        let deleted = txn.operations.iter().find_map(|operation| match operation {
            Operation::Delete { key } if key.starts_with(NAME) => Some(key.clone()),
            _ => None,
        });
        if let Some(key) = &deleted {
            self.judge.deletes(&self.life, key);
        }
        let token = document(&txn);
        let answer = self.inner.transact(txn).await;
        let applied = answer.as_ref().ok().and_then(Outcome::applied);
        if let Some(token) = token {
            self.judge.guarded(token, applied.is_some());
        }
        if let Some(version) = applied {
            if let Some(key) = deleted {
                self.judge.deleted(&key);
            }
            match (claim, standing) {
                (Some(own), Standing::First) => self.judge.granted(Some(&self.life), &own, version.number()),
                (Some(own), Standing::Heir) => self.judge.granted(None, &own, version.number()),
                (Some(own), Standing::Taken) => {
                    let what = format!("{} hands over to {own}, which is first already", self.life.name);
                    self.judge.breaks("E5", what);
                }
                (Some(own), Standing::Behind(first)) => {
                    let what = format!("{} claims with {own}, and {first} is first", self.life.name);
                    self.judge.breaks("E7", what);
                }
                _ => {}
            }
        }
        answer
    }
}

/// By which epoch a transaction writes what the store guards.
fn document(txn: &Txn) -> Option<u64> {
    txn.operations.iter().find_map(|operation| match operation {
        Operation::Put { key, value, .. } if key == DOCUMENT => std::str::from_utf8(value).ok()?.parse().ok(),
        _ => None,
    })
}

impl Describe for Audited {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait]
impl Store for Audited {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.inner.get(key).await
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        self.inner.list(what).await
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        let is_write = document(&txn).is_some();
        let answer = self.judged(txn).await;
        if is_write {
            // Requests of former owners that were under way arrive behind it.
            for (_, late) in self.judge.late_txns() {
                let _ = self.judged(late).await?;
            }
        }
        answer
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        self.inner.session(ttl).await
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        let resumed = self.inner.resume(id).await?;
        self.judge.resumed(format!("{NAME}/{:x}", id.number));
        Ok(resumed)
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        self.inner.watch(prefix, after).await
    }
}
