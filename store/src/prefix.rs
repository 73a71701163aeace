//! A store within a store.

use std::{sync::Arc, time::Duration};

use entourage_blueprint::{Blueprint, Describe};
use entourage_core::{Clock, Realm};

use crate::{
    capabilities::Capabilities,
    entry::{Entry, Version},
    error::{Error, Result},
    fenced::FencedStore,
    limits,
    listing::{Listing, Order, What},
    session::{Session, SessionId},
    store::Store,
    txn::{Condition, Operation, Outcome, Txn},
    watch::{Change, Watch},
};

/// A part of a store that looks like a whole one: its keys below a prefix.
///
/// The caller never sees the prefix: not in entries, listings, changes or refusals. Versions,
/// sessions and fences are those of the whole store, so one session may own keys under several
/// prefixes. The prefix counts towards the longest key.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> entourage_store::Result<()> {
/// use entourage_store::{MemoryStore, PrefixStore, Store, StoreExt};
///
/// let whole = MemoryStore::new();
/// let part = PrefixStore::new(whole.clone(), "team-a/");
/// part.put("owner", "host-1".into()).await?;
/// assert!(whole.get("team-a/owner").await?.is_some());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct PrefixStore<S> {
    inner: S,
    prefix: Arc<str>,
}

impl<S: Store> PrefixStore<S> {
    /// The keys of `store` that begin with `prefix`; end it with a separator such as `/`.
    pub fn new(store: S, prefix: impl Into<Arc<str>>) -> Self {
        Self { inner: store, prefix: prefix.into() }
    }

    /// The whole store.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn outer(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn check_key(&self, key: &str) -> Result<()> {
        limits::check_key(key)?;
        let limit = Capabilities::MAX_KEY_BYTES.saturating_sub(self.prefix.len());
        if key.len() <= limit {
            return Ok(());
        }
        Err(Error::TooLarge { what: "the key in bytes", given: key.len() as u64, limit: limit as u64 })
    }
}

/// The entry as the caller names it; `None` for the key that is the bare prefix, which is not
/// within it.
fn inside(mut entry: Entry, prefix: &str) -> Option<Entry> {
    strip(&mut entry.key, prefix).then_some(entry)
}

fn strip(key: &mut String, prefix: &str) -> bool {
    debug_assert!(key.starts_with(prefix), "the inner store answers with what was asked");
    key.drain(..prefix.len().min(key.len()));
    !key.is_empty()
}

impl<S: Store> From<PrefixStore<S>> for FencedStore
where
    Self: From<S>,
{
    /// Exclusion is the whole store's.
    fn from(store: PrefixStore<S>) -> Self {
        Self::proved(store)
    }
}

impl<S: Store> Describe for PrefixStore<S> {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.inner.describe(blueprint);
    }
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for PrefixStore<S> {
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
        self.check_key(key)?;
        Ok(self.inner.get(&self.outer(key)).await?.and_then(|entry| inside(entry, &self.prefix)))
    }

    async fn list(&self, what: &What) -> Result<Listing> {
        let limit = what.max_entries();
        // The bare prefix may be a key of the whole store: it is stepped over, or in the orders
        // that know no step makes room for one more.
        let (after, outer_limit) = match (what.order, &what.after) {
            (Order::Key, after) => (Some(self.outer(after.as_deref().unwrap_or_default())), limit),
            (_, after) => (after.clone(), limit.saturating_add(1).min(Capabilities::MAX_LISTING)),
        };
        let outer = What { prefix: self.outer(&what.prefix), after, limit: outer_limit, ..what.clone() };
        let Listing { entries, as_of, more } = self.inner.list(&outer).await?;
        let mut entries: Vec<_> =
            entries.into_iter().filter_map(|entry| inside(entry, &self.prefix)).collect();
        let more = more || entries.len() > limit;
        entries.truncate(limit);
        Ok(Listing { entries, as_of, more })
    }

    async fn transact(&self, mut txn: Txn) -> Result<Outcome> {
        // First in the caller's names, so that an error shows no other.
        limits::check_txn(&txn, &self.capabilities(), self.realm())?;
        for condition in &mut txn.conditions {
            if let Condition::Key { key, .. } = condition {
                self.check_key(key)?;
                *key = self.outer(key);
            }
        }
        for operation in &mut txn.operations {
            self.check_key(operation.key())?;
            let (Operation::Put { key, .. } | Operation::Delete { key }) = operation;
            *key = self.outer(key);
        }
        Ok(match self.inner.transact(txn).await? {
            Outcome::Refused { condition, found } => {
                let found = found.and_then(|entry| inside(entry, &self.prefix));
                Outcome::Refused { condition, found }
            }
            applied @ Outcome::Applied { .. } => applied,
        })
    }

    async fn session(&self, ttl: Duration) -> Result<Session> {
        self.inner.session(ttl).await
    }

    async fn resume(&self, id: SessionId) -> Result<Session> {
        self.inner.resume(id).await
    }

    async fn watch(&self, prefix: &str, after: Option<Version>) -> Result<Box<dyn Watch>> {
        let inner = self.inner.watch(&self.outer(prefix), after).await?;
        Ok(Box::new(PrefixWatch { inner, prefix: Arc::clone(&self.prefix) }))
    }
}

/// The changes within a prefix, as the caller names them.
#[derive(Debug)]
struct PrefixWatch {
    inner: Box<dyn Watch>,
    prefix: Arc<str>,
}

#[async_trait::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for PrefixWatch {
    async fn next(&mut self) -> Result<Change> {
        loop {
            let mut change = self.inner.next().await?;
            let within = match &mut change {
                Change::Put(entry) => strip(&mut entry.key, &self.prefix),
                Change::Delete { key, .. } => strip(key, &self.prefix),
                Change::Resync { .. } => true,
            };
            if within {
                return Ok(change);
            }
        }
    }

    fn position(&self) -> Version {
        self.inner.position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, StoreExt, Test};

    async fn part() -> (MemoryStore, PrefixStore<MemoryStore>) {
        let whole = MemoryStore::new();
        for key in ["p", "p/", "p/a", "p/b", "q"] {
            whole.put(key, "1".into()).await.unwrap();
        }
        (whole.clone(), PrefixStore::new(whole, "p/"))
    }

    #[tokio::test]
    async fn the_bare_prefix_is_not_within_it() {
        let (whole, part) = part().await;
        for order in [Order::Key, Order::Created, Order::CreatedDescending] {
            let listing = part.list(&What::prefix("").ordered(order)).await.unwrap();
            assert_eq!((listing.entries.len(), listing.more), (2, false), "{order:?}");
            let first = part.list(&What::prefix("").ordered(order).limit(1)).await.unwrap();
            assert_eq!((first.entries.len(), first.more), (1, true), "{order:?}");
        }
        assert!(part.list(&What::key("")).await.unwrap().entries.is_empty());
        assert!(matches!(part.get("").await, Err(Error::Invalid(_))));

        let mut watch = part.watch("", None).await.unwrap();
        whole.put("p/", "2".into()).await.unwrap();
        whole.put("p/a", "2".into()).await.unwrap();
        assert_eq!(watch.next().await.unwrap().key(), Some("a"));
    }

    #[tokio::test]
    async fn the_prefix_shows_in_no_answer() {
        let (_, part) = part().await;
        assert_eq!(part.get("a").await.unwrap().unwrap().key, "a");
        let page = part.list(&What::prefix("").after("a")).await.unwrap();
        assert_eq!(page.entries[0].key, "b");
        let refused = part.transact(Txn::new().when("a", Test::Absent)).await.unwrap();
        let Outcome::Refused { found: Some(found), .. } = refused else { panic!("the key is there") };
        assert_eq!(found.key, "a");
        let twice = part.transact(Txn::new().delete("a").delete("a")).await.unwrap_err();
        assert!(!twice.to_string().contains("p/"), "{twice}");
    }

    #[tokio::test]
    async fn the_prefix_counts_towards_the_longest_key() {
        let (_, part) = part().await;
        let longest = "k".repeat(Capabilities::MAX_KEY_BYTES - 2);
        part.put(&longest, "1".into()).await.unwrap();
        let error = part.put(&format!("{longest}k"), "1".into()).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { given: 1023, limit: 1022, .. }), "{error:?}");
    }
}
