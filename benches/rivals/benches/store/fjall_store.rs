//! fjall, which syncs only when asked.

use std::path::Path;

use entourage_rivals::Figure;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::{Load, Outcome, Stored, VALUE};

pub struct Fjall {
    database: Database,
    entries: Keyspace,
}

impl Fjall {
    pub fn open(path: &Path) -> Outcome<Self> {
        let database = Database::builder(path).open()?;
        let entries = database.keyspace("entries", KeyspaceCreateOptions::default)?;
        Ok(Self { database, entries })
    }
}

impl Stored for Fjall {
    fn figure(&self, load: Load) -> Outcome<Figure> {
        load.threads(|key| {
            self.entries.insert(key, VALUE)?;
            // An fdatasync, as redb's commit.
            Ok(self.database.persist(PersistMode::SyncData)?)
        })
    }
}
