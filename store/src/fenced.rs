//! A store whose exclusion is proved, as a type.

use std::{fmt, ops::Deref, sync::Arc};

use crate::{capabilities::Exclusion, store::Store};

/// A store whose exclusion is proved; only such a one can hold a lock that fences.
///
/// Stores that are proved convert into it. One that is chosen at run time, from a URL say, is
/// asked for its [`Capabilities`](crate::Capabilities) and refused when the composition is
/// built, not in production.
///
/// A store of your own does not convert by itself:
/// ```compile_fail
/// # fn of_my_own<S: entourage_store::Store>(store: S) {
/// let fenced = entourage_store::FencedStore::from(store);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FencedStore(Arc<dyn Store>);

impl FencedStore {
    /// Only for backends of this crate that are [`Exclusion::Fenced`].
    pub(crate) fn proved(store: impl Store) -> Self {
        Self(Arc::new(store))
    }

    /// The store.
    #[must_use]
    pub fn into_inner(self) -> Arc<dyn Store> {
        self.0
    }
}

impl Deref for FencedStore {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl TryFrom<Arc<dyn Store>> for FencedStore {
    type Error = Advisory;

    fn try_from(store: Arc<dyn Store>) -> Result<Self, Advisory> {
        match store.capabilities().exclusion {
            Exclusion::Fenced => Ok(Self(store)),
            Exclusion::Advisory => Err(Advisory { store: format!("{store:?}") }),
        }
    }
}

/// The store may lose acknowledged writes, so it cannot hold a lock that fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advisory {
    store: String,
}

impl fmt::Display for Advisory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is advisory: it may grant the same lock twice; use a fenced store", self.store)
    }
}

impl std::error::Error for Advisory {}
