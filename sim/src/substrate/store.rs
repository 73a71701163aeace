//! A store as one simulated process reaches it.

use std::{sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};
use entourage_store::{
    Capabilities, Condition, Entry, Listing, Operation, Outcome, Result, Session, SessionId, Store, Test,
    Txn, Version, Watch, What,
};

use crate::{
    call::Call,
    context::Context,
    faults::Fault,
    link::{Link, brief},
    substrate::{session::granted, watch::SimWatch},
};

/// A store as one simulated process reaches it: late, sometimes in vain, sometimes twice.
///
/// Whatever it answers, a store that keeps the contract could have answered too. So a
/// transaction is repeated only where its own conditions keep the repetition from applying,
/// and at once unless they do so for ever.
#[derive(Debug)]
pub struct SimStore {
    inner: Arc<dyn Store>,
    link: Link,
}

impl SimStore {
    /// The way of this process to `store`.
    #[must_use]
    pub fn new(context: &Context, store: Arc<dyn Store>) -> Self {
        Self { inner: store, link: context.link() }
    }
}

/// Whether, and for how long, a transaction that was applied cannot apply once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeatable {
    Never,
    /// Until somebody else writes.
    AtOnce,
    /// A version never comes back.
    EverAfter,
}

fn repeatable(txn: &Txn) -> Repeatable {
    let writes = |key: &str| txn.operations.iter().any(|operation| operation.key() == key);
    let puts = |key: &str| {
        let put = |operation: &Operation| matches!(operation, Operation::Put { key: written, .. } if written == key);
        txn.operations.iter().any(put)
    };
    let of = |condition: &Condition| match condition {
        Condition::Key { key, test: Test::Version(_) } if writes(key) => Repeatable::EverAfter,
        Condition::Key { key, test: Test::Absent } if puts(key) => Repeatable::AtOnce,
        _ => Repeatable::Never,
    };
    let kinds: Vec<Repeatable> = txn.conditions.iter().map(of).collect();
    let best = [Repeatable::EverAfter, Repeatable::AtOnce].into_iter().find(|kind| kinds.contains(kind));
    best.unwrap_or(Repeatable::Never)
}

fn shown(answer: &Result<Outcome>) -> String {
    match answer {
        Ok(Outcome::Applied { version }) => format!("applied at {version}"),
        Ok(Outcome::Refused { condition, .. }) => format!("refused by condition {condition}"),
        Err(error) => error.to_string(),
    }
}

impl Describe for SimStore {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for SimStore {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn realm(&self) -> Realm {
        self.inner.realm()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.link.clock.clone())
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.link.call(Call::StoreGet, self.inner.get(key)).await?
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        self.link.call(Call::StoreList, self.inner.list(what)).await?
    }

    async fn transact(&self, txn: Txn) -> Result<Outcome> {
        let call = Call::StoreTransact;
        let plan = self.link.request(call).await?;
        let answer = self.link.reach(self.inner.transact(txn.clone())).await;
        let applied = matches!(answer, Ok(Outcome::Applied { .. }));
        if applied {
            for condition in &txn.conditions {
                if let Condition::Holds(fence) = condition {
                    self.link.world.grants.accepted(fence.scope().as_str(), &self.link.name, fence.epoch());
                }
            }
        }
        match (plan.again, repeatable(&txn)) {
            (Some(_), Repeatable::AtOnce) if applied => {
                self.link.world.count(self.link.process, Fault::Duplicate);
                let again = self.link.reach(self.inner.transact(txn)).await;
                self.link.world.note("network", format_args!("repeats {call} at once: {}", shown(&again)));
            }
            (Some(after), Repeatable::EverAfter) if applied => {
                let inner = Arc::clone(&self.inner);
                self.link.repeat(call, after, async move { shown(&inner.transact(txn).await) });
            }
            _ => {}
        }
        self.link.answer(call, &plan, shown(&answer)).await?;
        answer
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        let call = Call::StoreSession;
        let sent = self.link.clock.now();
        let plan = self.link.request(call).await?;
        let answer = self.link.reach(self.inner.session(ttl)).await;
        if let (Ok(_), Some(after)) = (&answer, plan.again) {
            let inner = Arc::clone(&self.inner);
            // Nobody hears of the second session, and it expires.
            self.link.repeat(call, after, async move { brief(&inner.session(ttl).await) });
        }
        let answer = answer.map(|session| granted(session, sent, self.link.clone()));
        self.link.answer(call, &plan, brief(&answer)).await?;
        answer
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        let sent = self.link.clock.now();
        let resume = async {
            let session = self.inner.resume(id).await?;
            Ok(granted(session, sent, self.link.clone()))
        };
        self.link.call(Call::StoreResume, resume).await?
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        let watch = async {
            let watch = self.inner.watch(prefix, after).await?;
            Ok(Box::new(SimWatch::new(watch, self.link.clone())) as Box<dyn Watch>)
        };
        self.link.call(Call::StoreWatch, watch).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_apply_twice_is_repeated() {
        let version = Test::Version(Version::new(3));
        assert_eq!(repeatable(&Txn::new().put("a", "1")), Repeatable::Never);
        assert_eq!(repeatable(&Txn::new().when("b", version.clone()).put("a", "1")), Repeatable::Never);
        assert_eq!(repeatable(&Txn::new().when("a", version).put("a", "1")), Repeatable::EverAfter);
        assert_eq!(repeatable(&Txn::new().when("a", Test::Absent).put("a", "1")), Repeatable::AtOnce);
        assert_eq!(repeatable(&Txn::new().when("a", Test::Absent).delete("a")), Repeatable::Never);
    }
}
