//! The token that every acquisition issues and every effect checks.

use std::{fmt, sync::Arc};

use crate::BoxError;

/// One incarnation of a store: two stores, or one store restored from a copy, differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Realm(u128);

impl Realm {
    /// A realm of this number; a backend draws it at random once, or takes its cluster's id.
    #[must_use]
    pub const fn new(id: u128) -> Self {
        Self(id)
    }

    /// The number.
    #[must_use]
    pub const fn id(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What a fence excludes: a lock's name, a shard, an ordering key or one item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Arc<str>);

impl Scope {
    /// A scope of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Proof of an acquisition, to be checked where the effect happens.
///
/// Within one realm and scope the epochs of successive holders strictly increase, so a
/// resource that remembers the highest fence it has accepted refuses every former holder.
/// There is deliberately no `Ord`: fences of different realms or scopes have no order, and
/// [`Fence::supersedes`] says so instead of answering at random.
///
/// The idea is the *sequencer* of Burrows, "The Chubby lock service" (OSDI 2006).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    realm: Realm,
    scope: Scope,
    epoch: u64,
}

impl Fence {
    /// A fence as its issuer states it.
    #[must_use]
    pub const fn new(realm: Realm, scope: Scope, epoch: u64) -> Self {
        Self { realm, scope, epoch }
    }

    /// The store that issued it.
    #[must_use]
    pub const fn realm(&self) -> Realm {
        self.realm
    }

    /// What it excludes.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Its place in the order of grants.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether this fence was granted after `other`.
    ///
    /// # Errors
    /// [`ForeignFence`] when the two come from different realms or scopes: a restored store
    /// must neither shut out its rightful owner nor let an old one in, so an operator decides.
    ///
    /// # Examples
    /// ```
    /// use entourage_core::{Fence, Realm, Scope};
    ///
    /// let fence = |epoch| Fence::new(Realm::new(7), Scope::new("printer"), epoch);
    /// assert_eq!(fence(2).supersedes(&fence(1)), Ok(true));
    /// assert_eq!(fence(2).supersedes(&fence(2)), Ok(false));
    ///
    /// let restored = Fence::new(Realm::new(8), Scope::new("printer"), 3);
    /// assert!(restored.supersedes(&fence(2)).is_err());
    /// ```
    pub fn supersedes(&self, other: &Self) -> Result<bool, ForeignFence> {
        if self.realm != other.realm || self.scope != other.scope {
            return Err(ForeignFence { expected: other.clone(), found: self.clone() });
        }
        Ok(self.epoch > other.epoch)
    }
}

/// A fence of another realm or scope, which cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignFence {
    expected: Fence,
    found: Fence,
}

impl fmt::Display for ForeignFence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, found } = self;
        write!(
            f,
            "fence of {} in realm {} cannot be compared with one of {} in realm {}; \
             adopt the new realm if the store was restored on purpose",
            found.scope, found.realm, expected.scope, expected.realm
        )
    }
}

impl std::error::Error for ForeignFence {}

/// Gives a substrate fences that a pattern above it owns.
///
/// For backends that have no monotone number of their own to give.
#[async_trait::async_trait]
pub trait FenceSource: fmt::Debug + Send + Sync + 'static {
    /// A fence for `scope` that supersedes every one given before.
    ///
    /// # Errors
    /// Whatever kept the source from recording the grant; nothing was granted then.
    async fn next(&self, scope: &Scope) -> Result<Fence, BoxError>;
}
