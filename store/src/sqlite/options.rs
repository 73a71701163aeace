//! How a store's file is opened.

use std::{path::Path, sync::Arc, time::Duration};

use entourage_core::{Clock, Realm};
use entourage_engine::sqlite::Options;

use super::SqliteStore;
use crate::error::Result;

/// How a [`SqliteStore`] is opened.
#[derive(Clone, Debug)]
#[must_use]
pub struct SqliteOptions {
    pub(super) name: String,
    pub(super) file: Options,
    pub(super) realm: Option<Realm>,
    pub(super) history: usize,
    pub(super) max_value_bytes: usize,
}

impl SqliteOptions {
    /// Named "store", on the system's clock, with a history of 10,000 changes, values of up to
    /// 1 MiB, and 5 seconds of patience with other processes.
    pub fn new() -> Self {
        Self {
            name: "store".to_owned(),
            file: Options::new(),
            realm: None,
            history: 10_000,
            max_value_bytes: 1024 * 1024,
        }
    }

    /// With this name in a blueprint.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With sessions that are judged by this clock; every process that shares the file must
    /// use one of the same timeline.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.file = self.file.with_clock(clock);
        self
    }

    /// With a history of this many changes for watches that lag behind; also bounded to 64 MiB
    /// of keys and values. The latest commit always stays.
    pub const fn with_history(mut self, changes: usize) -> Self {
        self.history = changes;
        self
    }

    /// With values of up to this many bytes.
    pub const fn with_max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// Only this realm: a file that was replaced by another store's is refused.
    pub const fn with_realm(mut self, realm: Realm) -> Self {
        self.realm = Some(realm);
        self
    }

    /// Takes over a file that was copied or comes from another machine, under a new realm.
    ///
    /// Say so only when nobody uses the original any more: both would grant the same locks.
    pub fn with_adopt(mut self, adopt: bool) -> Self {
        self.file = self.file.with_adopt(adopt);
        self
    }

    /// How long a call waits for other processes before it is
    /// [`Unavailable`](crate::Error::Unavailable).
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.file = self.file.with_patience(patience);
        self
    }

    /// Opens the store in the file at `path`; creates it if there is none.
    ///
    /// Blocks for some milliseconds, or for the patience if other processes hold the file.
    ///
    /// # Errors
    /// As [`SqliteStore::open`], and [`Error::ForeignRealm`](crate::Error::ForeignRealm) for a
    /// file of another realm than was demanded.
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore> {
        SqliteStore::open_with(path.as_ref(), self)
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}
