//! The highest fence that a resource has let in, kept in a store.

use std::time::Duration;

use entourage_core::{BoxError, Fence, Realm, planted, timeout};
use entourage_store::{Entry, FencedStore, Outcome, StoreExt, Test, Txn};

use super::{
    check::{FenceCheck, Refused},
    header::{encode, parse_epoch, parse_realm},
};

/// Refuses every fence that is lower than one it has let in, also after a restart.
///
/// As [`HighestSeen`](super::HighestSeen), with its memory in a store that need not be the lock's:
/// a higher epoch is written, by compare-and-swap, *before* it is let in. All that share store
/// and prefix are one resource. A check reads two keys, and writes when the owner changes; the
/// table is one small key per scope, which nothing deletes.
///
/// Like every resource that goes by the highest seen it is open to the former owner until the
/// successor's first write or [`seal`](FenceCheck::seal). It is as durable as its store: if that
/// is emptied or restored from a copy, the resource has forgotten and must be sealed anew.
#[derive(Debug)]
pub struct StoredFences {
    store: FencedStore,
    prefix: String,
    first: Option<Realm>,
    time_limit: Duration,
}

impl StoredFences {
    /// How long the store may take to answer unless said otherwise.
    pub const TIME_LIMIT: Duration = Duration::from_secs(3);

    /// Keeps fences under `prefix` of `store`, and takes those of `realm` until another was adopted.
    ///
    /// What was adopted before, by whichever process, is kept there too and goes before `realm`.
    pub fn new(store: impl Into<FencedStore>, prefix: impl Into<String>, realm: Realm) -> Self {
        Self { first: Some(realm), ..Self::trusting_first(store, prefix) }
    }

    /// Keeps fences under `prefix` of `store`, and takes the realm of the first that comes.
    pub fn trusting_first(store: impl Into<FencedStore>, prefix: impl Into<String>) -> Self {
        let (store, prefix) = (store.into(), prefix.into());
        Self { store, prefix, first: None, time_limit: Self::TIME_LIMIT }
    }

    /// Refuses when the store has not answered after `limit`.
    #[must_use]
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Takes fences of `realm` from now on, and of no other: an operator's decision, after the
    /// lock's store was restored or replaced on purpose.
    ///
    /// What was seen of `realm` before, if anything, still counts.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] when the store cannot say that it was written; adopt again.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the realm adopted or not.
    pub async fn adopt(&self, realm: Realm) -> Result<(), Refused> {
        let key = self.realm_key();
        let written = self.store.put(&key, realm.to_string().into());
        self.limited(async { written.await.map(drop).map_err(unavailable) }).await
    }

    fn realm_key(&self) -> String {
        format!("{}realm", self.prefix)
    }

    fn epoch_key(&self, fence: &Fence) -> String {
        let mut key = format!("{}seen/{}/", self.prefix, fence.realm());
        encode(fence.scope().as_str(), &mut key);
        key
    }

    async fn limited<T>(&self, call: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
        timeout(&*self.store.clock(), self.time_limit, call).await.map_err(unavailable)?
    }

    async fn admit(&self, fence: &Fence) -> Result<(), Refused> {
        let (realm_key, epoch_key) = (self.realm_key(), self.epoch_key(fence));
        loop {
            // The realm first: an epoch that was let in under it may be read later, for epochs
            // only grow, but not the other way round.
            let realm = self.store.get(&realm_key).await.map_err(unavailable)?;
            let pinned = read(realm.as_ref(), parse_realm)?.or(self.first).unwrap_or_else(|| fence.realm());
            if pinned != fence.realm() {
                return Err(Refused::ForeignRealm { fence: fence.clone(), expected: pinned });
            }
            let seen = self.store.get(&epoch_key).await.map_err(unavailable)?;
            match read(seen.as_ref(), parse_epoch)? {
                Some(current) if current > fence.epoch() => {
                    return Err(Refused::Stale { fence: fence.clone(), current });
                }
                Some(current) if current == fence.epoch() => return Ok(()),
                _ if planted("stored-fence-not-written") => return Ok(()),
                _ => {}
            }
            let mut raise = Txn::new()
                .when(&realm_key, unchanged(realm.as_ref()))
                .when(&epoch_key, unchanged(seen.as_ref()))
                .put(&epoch_key, fence.epoch().to_string());
            if realm.is_none() {
                raise = raise.put(&realm_key, pinned.to_string());
            }
            // Whether an unknown raise happened does not matter: the write is not let in, and
            // its next check finds out.
            match self.store.transact(raise).await.map_err(unavailable)? {
                Outcome::Applied { .. } => return Ok(()),
                // Another check or an adoption came between: judge what stands there now.
                Outcome::Refused { .. } => {}
            }
        }
    }
}

#[async_trait::async_trait]
impl FenceCheck for StoredFences {
    async fn check(&self, fence: &Fence, _: Option<&str>) -> Result<(), Refused> {
        self.limited(self.admit(fence)).await
    }
}

fn unavailable(error: impl Into<BoxError>) -> Refused {
    Refused::Unavailable(error.into())
}

fn unchanged(entry: Option<&Entry>) -> Test {
    entry.map_or(Test::Absent, |entry| Test::Version(entry.version))
}

/// What stands under a key; what cannot be read is not taken for nothing.
fn read<T>(entry: Option<&Entry>, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Refused> {
    let Some(entry) = entry else { return Ok(None) };
    let value = std::str::from_utf8(&entry.value).ok().and_then(parse);
    let broken = || unavailable(format!("what stands under {:?} was not written by this checker", entry.key));
    value.map(Some).ok_or_else(broken)
}
