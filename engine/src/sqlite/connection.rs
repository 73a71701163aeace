//! Connections, as this module wants them.

use std::{path::Path, sync::Arc, time::Duration};

use entourage_core::planted;
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use crate::sqlite::{Error, Result};

/// Bytes of a page, of a file that is made here.
///
/// A commit logs each page that it touches whole, and small writes touch one each: with half of
/// SQLite's usual size 16 tasks write a tenth more, and of values of 1 KiB a third more.
const PAGE_BYTES: u32 = 2_048;
/// Pages of log after which a commit copies them into the database: 8 MiB.
const CHECKPOINT_PAGES: u32 = 4_096;

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The log's fsync.
    Full,
    /// Nothing; only checkpoints fsync.
    Normal,
}

impl Level {
    /// Makes it so. Only between transactions: SQLite ignores it within one.
    pub(crate) fn set(self, connection: &Connection) -> rusqlite::Result<()> {
        let pragma = match self {
            _ if planted("synchronous-off") => "PRAGMA synchronous = OFF",
            Self::Full => "PRAGMA synchronous = FULL",
            Self::Normal => "PRAGMA synchronous = NORMAL",
        };
        connection.execute_batch(pragma)
    }
}

/// The writer's connection, in write-ahead mode and [`Level::Full`].
pub(crate) fn writer(path: &Path, patience: Duration) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)?;
    if connection.is_readonly("main")? {
        return Err(refused(path, "it is read-only"));
    }
    connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES}"))?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(refused(path, "its file system does not carry a write-ahead log"));
    }
    connection.execute_batch(&format!(
        "PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;"
    ))?;
    Level::Full.set(&connection)?;
    Ok(connection)
}

/// A connection that can only read.
pub(crate) fn reader(path: &Path, patience: Duration) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, patience)?;
    connection.execute_batch("PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

/// A connection to look at a file that may be anybody's.
///
/// It could write but does not: one that cannot write leaves SQLite's own files behind.
pub(crate) fn probe(path: &Path, patience: Duration) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)?;
    // The first statement reads the header, which tells whether it is a database.
    let looked = connection.query_row("PRAGMA schema_version", [], |_| Ok(()));
    match looked {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(Error::NotOurs { path: path.to_owned() })
        }
        looked => looked.map(|()| connection).map_err(Error::from),
    }
}

fn open(path: &Path, access: OpenFlags, patience: Duration) -> Result<Connection> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags);
    let connection =
        opened.map_err(|error| Error::Open { path: path.to_owned(), source: Arc::new(error) })?;
    connection.busy_timeout(patience)?;
    // A cached statement whose bindings are cleared would be planned anew at every use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn refused(path: &Path, why: &'static str) -> Error {
    Error::Open { path: path.to_owned(), source: entourage_core::BoxError::from(why).into() }
}

/// Runs a statement that is prepared once and answers nothing.
pub(crate) fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

/// Ends a transaction that failed, unless SQLite has done so already.
pub(crate) fn undo(connection: &Connection) {
    if !connection.is_autocommit() {
        // If even this fails, the next BEGIN says so.
        let _ = run(connection, "ROLLBACK");
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use rusqlite::{OpenFlags, StatementStatus};

    use super::open;

    #[test]
    fn a_cached_statement_is_planned_once() {
        let connection =
            open(Path::new(":memory:"), OpenFlags::SQLITE_OPEN_READ_WRITE, Duration::ZERO).unwrap();
        connection.execute_batch("CREATE TABLE note (id INTEGER PRIMARY KEY) STRICT").unwrap();
        for limit in 1..10 {
            let mut notes = connection.prepare_cached("SELECT id FROM note ORDER BY id LIMIT ?1").unwrap();
            assert!(!notes.exists([limit]).unwrap());
            assert_eq!(notes.get_status(StatementStatus::RePrepare), 0, "at the limit {limit}");
        }
    }
}
