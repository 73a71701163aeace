//! Seeing every change in order.

use std::fmt;

use crate::{
    entry::{Entry, Version},
    error::Result,
};

/// One change below a watched prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A key was created or written.
    Put(Entry),
    /// A key was deleted, or ended with its session.
    Delete {
        /// The key.
        key: String,
        /// The commit that deleted it.
        version: Version,
    },
    /// Changes up to this version were dropped from the history before they could be seen:
    /// list again, then go on. What follows is after `as_of`.
    Resync {
        /// The version after which the watch goes on.
        as_of: Version,
    },
}

impl Change {
    /// The commit that made the change; for [`Change::Resync`] its `as_of`.
    #[must_use]
    pub const fn version(&self) -> Version {
        match self {
            Self::Put(entry) => entry.version,
            Self::Delete { version, .. } | Self::Resync { as_of: version } => *version,
        }
    }

    /// The key that changed; `None` for [`Change::Resync`].
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Put(Entry { key, .. }) | Self::Delete { key, .. } => Some(key),
            Self::Resync { .. } => None,
        }
    }
}

/// The stream of changes below a prefix.
#[async_trait::async_trait]
pub trait Watch: fmt::Debug + Send {
    /// The next change; waits for one if there is none yet.
    ///
    /// # Errors
    /// Those of the backend. The watch stays where it was: call again, or open a new one
    /// after [`Watch::position`].
    ///
    /// # Cancel safety
    /// Dropping the future loses no change: the next call returns it.
    async fn next(&mut self) -> Result<Change>;

    /// Where a new watch must begin to repeat no commit and miss none: the last commit whose
    /// changes have all been handed out.
    fn position(&self) -> Version;
}
