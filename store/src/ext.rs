//! What users of a store call most.

use bytes::Bytes;

use crate::{
    entry::{Entry, Version},
    error::Result,
    store::Store,
    txn::{Outcome, Test, Txn},
};

/// The book's three outcomes of a compare-and-swap (chapter 9).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "only one outcome wrote the value"]
pub enum Swap {
    /// The value was as expected and is now the next one.
    Swapped {
        /// The commit that wrote it.
        version: Version,
    },
    /// Another value stands there; nothing happened.
    Differs {
        /// What stands there.
        found: Entry,
    },
    /// A value was expected and the key is absent; nothing happened.
    Missing,
}

/// Conveniences over [`Store`], for users rather than backends.
#[async_trait::async_trait]
pub trait StoreExt: Store {
    /// Writes `next` under `key` if the value there equals `expected`; `None` expects the key
    /// to be absent.
    ///
    /// By value, so a value that was changed and changed back is swapped all the same; compare
    /// versions with [`Test::Version`] where that matters.
    ///
    /// # Errors
    /// Those of [`Store::transact`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves the swap done or not done; read back to know.
    async fn compare_and_swap(&self, key: &str, next: Bytes, expected: Option<&[u8]>) -> Result<Swap> {
        loop {
            let test = match (self.get(key).await?, expected) {
                (None, None) => Test::Absent,
                (None, Some(_)) => return Ok(Swap::Missing),
                (Some(found), Some(expected)) if found.value == expected => Test::Version(found.version),
                (Some(found), _) => return Ok(Swap::Differs { found }),
            };
            let txn = Txn::new().when(key, test).put(key, next.clone());
            if let Outcome::Applied { version } = self.transact(txn).await? {
                return Ok(Swap::Swapped { version });
            }
            // Somebody wrote in between, perhaps the same value: judge what stands there now.
        }
    }

    /// Writes `value` under `key`, whatever stands there.
    ///
    /// # Errors
    /// Those of [`Store::transact`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves the write done or not done.
    async fn put(&self, key: &str, value: Bytes) -> Result<Version> {
        match self.transact(Txn::new().put(key, value)).await? {
            Outcome::Applied { version } => Ok(version),
            Outcome::Refused { .. } => unreachable!("a transaction without conditions cannot be refused"),
        }
    }

    /// Deletes `key`, whatever stands there.
    ///
    /// # Errors
    /// Those of [`Store::transact`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves the key deleted or not.
    async fn delete(&self, key: &str) -> Result<Version> {
        match self.transact(Txn::new().delete(key)).await? {
            Outcome::Applied { version } => Ok(version),
            Outcome::Refused { .. } => unreachable!("a transaction without conditions cannot be refused"),
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
