//! redb, whose commits are durable unless told otherwise.

use std::path::Path;

use entourage_rivals::Figure;
use redb::{ConcurrencyMode, Database, Durability, TableDefinition};

use crate::{Load, Outcome, Stored, VALUE};

const TABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("entries");

pub struct Redb(Database);

impl Redb {
    pub fn open(path: &Path, mode: ConcurrencyMode) -> Outcome<Self> {
        Ok(Self(Database::builder().set_concurrency_mode(mode).create(path)?))
    }
}

impl Stored for Redb {
    fn figure(&self, load: Load) -> Outcome<Figure> {
        load.threads(|key| {
            let mut txn = self.0.begin_write()?;
            txn.set_durability(Durability::Immediate)?;
            txn.open_table(TABLE)?.insert(key, &VALUE[..])?;
            Ok(txn.commit()?)
        })
    }
}
