//! The small records of a group.

use bytes::Bytes;
use entourage_core::planted;
use rusqlite::Row;

use crate::{
    error::Error,
    sqlite::{
        fault::Result,
        work::{Work, count, number},
    },
    state::{Record, StateWrite},
};

impl Record {
    /// From the columns key, version, value.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let value: Vec<u8> = row.get(2)?;
        Ok(Self { key: row.get(0)?, version: count(row.get(1)?), value: Bytes::from(value) })
    }
}

/// A record of a group.
pub(super) fn record(work: &Work<'_>, group: i64, key: &str) -> rusqlite::Result<Option<Record>> {
    let sql = "SELECT key, version, value FROM queue_state WHERE grp = ?1 AND key = ?2";
    work.first(sql, (group, key), Record::read)
}

/// The records of a group whose keys begin with `prefix`, by key.
pub(super) fn records(work: &Work<'_>, group: i64, prefix: &str) -> rusqlite::Result<Vec<Record>> {
    let sql = "SELECT key, version, value FROM queue_state WHERE grp = ?1 AND key >= ?2 ORDER BY key";
    let mut statement = work.prepare(sql)?;
    let mut rows = statement.query((group, prefix))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        if !row.get_ref(0)?.as_str()?.starts_with(prefix) {
            break;
        }
        records.push(Record::read(row)?);
    }
    Ok(records)
}

/// Writes a record if it is at the version that is expected; its new version.
pub(super) fn write(work: &Work<'_>, group: i64, write: &StateWrite) -> Result<u64> {
    let StateWrite { key, expected, value } = write;
    let sql = "SELECT version FROM queue_state WHERE grp = ?1 AND key = ?2";
    let found = work.first(sql, (group, key), |row| row.get(0))?.map_or(0, count);
    if let Some(expected) = expected.filter(|expected| *expected != found)
        && !planted("queue-ignores-versions")
    {
        return Err(Error::StateConflict { key: key.to_string(), expected, found }.into());
    }
    let Some(value) = value else {
        work.execute("DELETE FROM queue_state WHERE grp = ?1 AND key = ?2", (group, key))?;
        return Ok(0);
    };
    let version = found + 1;
    work.execute(
        "INSERT INTO queue_state (grp, key, version, value) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (grp, key) DO UPDATE SET version = excluded.version, value = excluded.value",
        (group, key, number(version), &value[..]),
    )?;
    Ok(version)
}
