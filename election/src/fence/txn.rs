//! A store's own transactions, as writes of the lock's owner.

use entourage_core::{Fence, Realm};
use entourage_store::{Test, Txn, Version};

use super::{check::Refused, key::key_of};

/// Conditions of ownership for a [`Txn`].
pub trait OwnedTxn: Sized {
    /// Demands that `fence` is the latest grant of its lock, in the same transaction as the writes.
    ///
    /// The strongest check there is: no successor can be granted between it and the effect. Judged by
    /// the version of the lock's fence key, so it costs one condition and no round trip. `realm` is
    /// that of the store the transaction is for ([`Store::realm`](entourage_store::Store::realm)).
    ///
    /// # Errors
    /// [`Refused::ForeignRealm`] for a lock of another store: its versions mean nothing in this one.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use entourage_core::{Fence, Scope};
    /// use entourage_election::fence::OwnedTxn;
    /// use entourage_store::{MemoryStore, Outcome, Store, StoreExt, Txn};
    ///
    /// let store = MemoryStore::new();
    /// // What a claim of the lock "printer" does:
    /// let version = store.put("fence/printer", "host-1 printer/1".into()).await?;
    /// let fence = Fence::new(store.realm(), Scope::new("printer"), version.number());
    ///
    /// let print = Txn::new().when_owned(&fence, store.realm())?.put("page", "1");
    /// assert!(store.transact(print.clone()).await?.applied().is_some());
    ///
    /// store.put("fence/printer", "host-2 printer/2".into()).await?;
    /// assert!(matches!(store.transact(print).await?, Outcome::Refused { condition: 0, .. }));
    /// # Ok(()) }
    /// ```
    fn when_owned(self, fence: &Fence, realm: Realm) -> Result<Self, Refused>;
}

impl OwnedTxn for Txn {
    fn when_owned(self, fence: &Fence, realm: Realm) -> Result<Self, Refused> {
        if fence.realm() != realm {
            return Err(Refused::ForeignRealm { fence: fence.clone(), expected: realm });
        }
        Ok(self.when(key_of(fence.scope().as_str()), Test::Version(Version::new(fence.epoch()))))
    }
}
