//! Several conditions and several writes as one.

use bytes::Bytes;
use entourage_core::Fence;

use crate::{
    entry::{Entry, Version},
    session::SessionId,
};

/// What a condition demands of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Test {
    /// The key is not there.
    Absent,
    /// The key is there, in whatever version.
    Present,
    /// The key is at this version.
    Version(Version),
    /// The key was created at this version, however often it was written since.
    Created(Version),
}

impl Test {
    /// Whether what stands under the key passes.
    #[must_use]
    pub fn passes(&self, found: Option<&Entry>) -> bool {
        match (self, found) {
            (Self::Absent, None) | (Self::Present, Some(_)) => true,
            (Self::Version(version), Some(entry)) => entry.version == *version,
            (Self::Created(created), Some(entry)) => entry.created == *created,
            _ => false,
        }
    }
}

/// Something that must hold for a transaction to apply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// A key passes a test.
    Key {
        /// The key.
        key: String,
        /// What is demanded of it.
        test: Test,
    },
    /// The session that was granted this fence stands, and nobody has resumed it since.
    Holds(Fence),
}

/// A write of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Writes a value; creates the key if it is absent.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: Bytes,
        /// The session with which the key ends; `None` detaches it from any.
        session: Option<SessionId>,
    },
    /// Deletes a key; nothing happens if it is absent.
    Delete {
        /// The key.
        key: String,
    },
}

impl Operation {
    /// The key that is written.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// Several writes that happen together, or not at all.
///
/// # Examples
/// ```
/// use entourage_store::{Test, Txn};
///
/// let claim = Txn::new().when("owner", Test::Absent).put("owner", "host-1").delete("vacant");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a transaction does nothing until a store transacts it"]
pub struct Txn {
    /// What must hold, judged in this order.
    pub conditions: Vec<Condition>,
    /// What is written; no key twice.
    pub operations: Vec<Operation>,
}

impl Txn {
    /// A transaction that demands and writes nothing.
    pub const fn new() -> Self {
        Self { conditions: Vec::new(), operations: Vec::new() }
    }

    /// Demands that `key` passes `test`.
    pub fn when(mut self, key: impl Into<String>, test: Test) -> Self {
        self.conditions.push(Condition::Key { key: key.into(), test });
        self
    }

    /// Demands that the session that was granted `fence` still stands.
    pub fn when_held(mut self, fence: Fence) -> Self {
        self.conditions.push(Condition::Holds(fence));
        self
    }

    /// Writes `value` under `key`.
    pub fn put(self, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.operation(Operation::Put { key: key.into(), value: value.into(), session: None })
    }

    /// Writes `value` under `key`, to be deleted when `session` ends.
    pub fn put_with(self, key: impl Into<String>, value: impl Into<Bytes>, session: SessionId) -> Self {
        self.operation(Operation::Put { key: key.into(), value: value.into(), session: Some(session) })
    }

    /// Deletes `key`.
    pub fn delete(self, key: impl Into<String>) -> Self {
        self.operation(Operation::Delete { key: key.into() })
    }

    /// Adds a write.
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a refused transaction changed nothing"]
pub enum Outcome {
    /// Every condition held and every write happened, in the commit of this version. A
    /// transaction without writes makes no commit and reports the latest one.
    Applied {
        /// The commit.
        version: Version,
    },
    /// A condition did not hold, and nothing happened.
    Refused {
        /// The place of the first condition that did not hold.
        condition: usize,
        /// What stood under its key; `None` for an absent key or a lost session.
        found: Option<Entry>,
    },
}

impl Outcome {
    /// The commit, if there was one.
    #[must_use]
    pub const fn applied(&self) -> Option<Version> {
        match self {
            Self::Applied { version } => Some(*version),
            Self::Refused { .. } => None,
        }
    }
}
