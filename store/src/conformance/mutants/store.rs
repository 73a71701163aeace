//! The wrong stores' calls.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Fence, Realm};
use tokio::sync::Notify;

use super::{Fault, lease::WrongLease, watch::WrongWatch};
use crate::{
    Capabilities, Condition, Entry, Error, Listing, Operation, Order, Outcome, Result, Session, SessionId,
    Store, StoreExt, Test, Txn, Version, Watch, What,
};

/// A right store, made wrong.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    inner: Arc<dyn Store>,
    fault: Fault,
    memory: Arc<Memory>,
}

/// What some of the faults need to remember.
#[derive(Debug, Default)]
struct Memory {
    attached: Mutex<BTreeMap<String, SessionId>>,
    fences: Mutex<BTreeMap<u64, Fence>>,
    commits: Arc<Notify>,
}

impl Wrong {
    pub(crate) fn new(inner: Arc<dyn Store>, fault: Fault) -> Self {
        Self { inner, fault, memory: Arc::default() }
    }

    /// The transaction that it carries out instead.
    fn twist(&self, mut txn: Txn) -> Txn {
        txn.conditions.retain(|condition| match condition {
            Condition::Holds(_) => self.fault != Fault::IgnoresFences,
            Condition::Key { test, .. } => self.fault != Fault::CreatesOverOthers || *test != Test::Absent,
        });
        for condition in &mut txn.conditions {
            match (self.fault, condition) {
                (Fault::ForgetsVersions, Condition::Key { test: test @ Test::Version(_), .. })
                | (Fault::ForgetsCreations, Condition::Key { test: test @ Test::Created(_), .. }) => {
                    *test = Test::Present;
                }
                (Fault::AdoptsAnyRealm, Condition::Holds(fence)) => {
                    *fence = Fence::new(self.realm(), fence.scope().clone(), fence.epoch());
                }
                (Fault::FoldsCase, Condition::Key { key, .. }) => *key = key.to_lowercase(),
                _ => {}
            }
        }
        if self.fault == Fault::TakesTheLastOfTwoWrites {
            let last: BTreeMap<_, _> =
                txn.operations.drain(..).map(|operation| (operation.key().to_owned(), operation)).collect();
            txn.operations = last.into_values().collect();
        }
        txn.operations = txn.operations.into_iter().map(|operation| self.twist_write(operation)).collect();
        txn
    }

    fn twist_write(&self, mut operation: Operation) -> Operation {
        if self.fault == Fault::FoldsCase {
            let (Operation::Put { key, .. } | Operation::Delete { key }) = &mut operation;
            *key = key.to_lowercase();
        }
        let Operation::Put { key, value, session } = &mut operation else { return operation };
        match self.fault {
            Fault::TakesEmptyForAbsent if value.is_empty() => return Operation::Delete { key: key.clone() },
            Fault::AdoptsAnyRealm => *session = session.map(|id| self.adopted(id)),
            Fault::KeepsKeysAttached => {
                let mut attached = self.memory.attached.lock().unwrap_or_else(PoisonError::into_inner);
                match session {
                    Some(id) if id.realm != self.realm() => {}
                    Some(id) => drop(attached.insert(key.clone(), *id)),
                    None => *session = attached.get(key).copied(),
                }
            }
            _ => {}
        }
        operation
    }

    fn adopted(&self, id: SessionId) -> SessionId {
        SessionId { realm: self.realm(), ..id }
    }

    /// What it does to an answer, or after one.
    async fn twist_outcome(&self, txn: &Txn, outcome: Outcome) -> Result<Outcome> {
        Ok(match outcome {
            Outcome::Refused { condition, .. } if self.fault == Fault::HidesWhatItFound => {
                Outcome::Refused { condition, found: None }
            }
            Outcome::Refused { condition, found } if self.fault == Fault::WritesThoughRefused => {
                if let Some(first) = txn.operations.first() {
                    let _ = self.inner.transact(Txn::new().operation(first.clone())).await?;
                }
                Outcome::Refused { condition, found }
            }
            Outcome::Refused { .. } if self.fault == Fault::NamesTheLastCondition => {
                for (place, condition) in txn.conditions.iter().enumerate().rev() {
                    let alone = Txn { conditions: vec![condition.clone()], operations: Vec::new() };
                    if let Outcome::Refused { found, .. } = self.inner.transact(alone).await? {
                        return Ok(Outcome::Refused { condition: place, found });
                    }
                }
                outcome
            }
            Outcome::Applied { .. } if self.fault == Fault::CommitsReads && txn.operations.is_empty() => {
                Outcome::Applied { version: self.inner.delete("never there").await? }
            }
            Outcome::Applied { version } if self.fault == Fault::ReportsTheVersionBefore => {
                Outcome::Applied { version: Version::new(version.number().saturating_sub(1)) }
            }
            right => right,
        })
    }

    /// Only writes that change a value.
    async fn without_equal(&self, mut txn: Txn) -> Result<Txn> {
        let mut changing = Vec::new();
        for operation in txn.operations {
            let stands = self.inner.get(operation.key()).await?;
            let equal = matches!((&operation, stands), (Operation::Put { value, session: None, .. }, Some(entry)) if entry.value == value);
            if !equal {
                changing.push(operation);
            }
        }
        txn.operations = changing;
        Ok(txn)
    }

    /// The first write under the conditions, and each other in a transaction of its own.
    async fn one_by_one(&self, mut txn: Txn) -> Result<Outcome> {
        let rest = txn.operations.split_off(txn.operations.len().min(1));
        let mut outcome = self.inner.transact(txn).await?;
        if outcome.applied().is_some() {
            for operation in rest {
                outcome = self.inner.transact(Txn::new().operation(operation)).await?;
            }
        }
        Ok(outcome)
    }

    fn wrap(&self, session: Session, id: SessionId, fence: Fence, ttl: Duration) -> Session {
        let sent = self.clock().now();
        let lease = WrongLease::new(Arc::clone(&self.inner), self.fault, session);
        Session::granted(id, fence, ttl, sent, self.clock(), Arc::new(lease))
    }
}

impl Describe for Wrong {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
impl Store for Wrong {
    fn capabilities(&self) -> Capabilities {
        let says = self.inner.capabilities();
        match self.fault {
            Fault::TakesTooManyWrites => says.with_max_operations(says.max_operations / 2),
            Fault::TakesTooLongValues => says.with_max_value_bytes(says.max_value_bytes / 2),
            _ => says,
        }
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        match self.fault {
            Fault::FoldsCase => self.inner.get(&key.to_lowercase()).await,
            _ => self.inner.get(key).await,
        }
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        let mut asked = what.clone();
        match self.fault {
            Fault::TakesPrefixesForFolders => asked.prefix = asked.prefix.trim_end_matches('/').to_owned(),
            Fault::OverrunsLimits => asked.limit += 1,
            Fault::OrdersByVersion if what.after.is_none() => asked.order = Order::Key,
            Fault::TakesBelowForUpTo => {
                asked.created_below = what.created_below.map(|version| Version::new(version.number() + 1));
            }
            _ => {}
        }
        let mut listing = self.inner.list(&asked).await?;
        match self.fault {
            Fault::ForgetsMore => listing.more = false,
            Fault::ListsFromTheFuture => listing.as_of = Version::new(listing.as_of.number() + 1),
            Fault::OrdersByVersion => match what.order {
                Order::Key => {}
                Order::Created => listing.entries.sort_by_key(|entry| entry.version),
                Order::CreatedDescending => {
                    listing.entries.sort_by_key(|entry| std::cmp::Reverse(entry.version));
                }
            },
            Fault::RepeatsPages => {
                if let Some(after) = &what.after
                    && let Some(last) = self.inner.get(after).await?
                {
                    listing.entries.insert(0, last);
                    listing.entries.truncate(what.limit);
                }
            }
            Fault::ListsKeyByKey => {
                let mut entries = Vec::new();
                for entry in listing.entries {
                    tokio::task::yield_now().await;
                    entries.extend(self.inner.get(&entry.key).await?);
                }
                listing.entries = entries;
            }
            _ => {}
        }
        Ok(listing)
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        let mut txn = self.twist(txn);
        if self.fault == Fault::SkipsEqualValues {
            txn = self.without_equal(txn).await?;
        }
        let outcome = match self.fault {
            Fault::SplitsTransactions => self.one_by_one(txn.clone()).await?,
            _ => self.inner.transact(txn.clone()).await?,
        };
        self.memory.commits.notify_waiters();
        self.twist_outcome(&txn, outcome).await
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        let (granted, step) = (self.capabilities().granted_ttl(ttl), self.capabilities().ttl_step);
        let asked = match self.fault {
            Fault::ExpiresLate => granted + step,
            Fault::ExpiresEarly => granted.saturating_sub(step),
            _ => ttl,
        };
        let session = self.inner.session(asked).await?;
        let (id, fence) = (session.id(), session.fence().clone());
        let mut fences = self.memory.fences.lock().unwrap_or_else(PoisonError::into_inner);
        fences.insert(id.number, fence.clone());
        drop(fences);
        Ok(self.wrap(session, id, fence, granted))
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        let id = if self.fault == Fault::AdoptsAnyRealm { self.adopted(id) } else { id };
        let session = match self.inner.resume(id).await {
            Err(Error::SessionLost { .. }) if self.fault == Fault::ResumesTheLost => {
                self.inner.session(Duration::from_secs(10)).await?
            }
            answer => answer?,
        };
        let ttl = session.granted_ttl();
        let granted = match self.fault {
            Fault::ExpiresLate => ttl - self.capabilities().ttl_step,
            Fault::ExpiresEarly => ttl + self.capabilities().ttl_step,
            _ => ttl,
        };
        let first =
            self.memory.fences.lock().unwrap_or_else(PoisonError::into_inner).get(&id.number).cloned();
        let fence = match first {
            Some(first) if self.fault == Fault::RepeatsFences => first,
            _ => session.fence().clone(),
        };
        Ok(self.wrap(session, id, fence, granted))
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        let prefix = if self.fault == Fault::WatchesEverything { "" } else { prefix };
        let after = match self.fault {
            Fault::WatchesFromBefore => after.map(|after| Version::new(after.number().saturating_sub(1))),
            _ => after,
        };
        let inner = self.inner.watch(prefix, after).await?;
        Ok(Box::new(WrongWatch::new(inner, self.fault, Arc::clone(&self.memory.commits))))
    }
}
