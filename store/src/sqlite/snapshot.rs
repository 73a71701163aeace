//! What a store reads, within one snapshot of the file.

use bytes::Bytes;
use entourage_core::Moment;
use rusqlite::{Connection, OptionalExtension, Row, types::Value};

use super::{
    ledger::expired_at,
    schema::{signed, unsigned},
};
use crate::{
    entry::{Entry, Version},
    feed::{Batch, Feed},
    limits,
    listing::{Listing, Order, What},
    watch::Change,
};

/// What stands under a key, whatever has become of its session.
pub(crate) fn entry(connection: &Connection, key: &str) -> rusqlite::Result<Option<Entry>> {
    connection
        .prepare_cached("SELECT key, version, created, value FROM store_entries WHERE key = ?")?
        .query_row([key], read_entry)
        .optional()
}

/// What stands under a key at `now`: the keys of an expired session are gone, though nobody
/// may have deleted them yet.
pub(crate) fn get(connection: &Connection, now: Moment, key: &str) -> rusqlite::Result<Option<Entry>> {
    connection
        .prepare_cached(
            "SELECT e.key, e.version, e.created, e.value
             FROM store_entries e LEFT JOIN store_sessions s ON s.number = e.session
             WHERE e.key = ?1 AND (e.session IS NULL OR s.until > ?2)",
        )?
        .query_row((key, expired_at(now)), read_entry)
        .optional()
}

/// The entries asked for, as [`get`] sees them.
pub(crate) fn list(connection: &Connection, now: Moment, what: &What) -> rusqlite::Result<Listing> {
    // No key lies between a key and the same with a zero byte.
    let next = |key: &str| format!("{key}\0");
    let begin = what.start_after().map(next).unwrap_or_default().max(what.range().to_owned());
    let end = if what.is_exact() { Value::Text(next(what.range())) } else { end_of(what.range()) };
    let ceiling = what.ceiling().map_or(i64::MAX, |version| signed(version.number()));
    let limit = what.max_entries();
    let order = match what.order() {
        Order::Key => "e.key",
        Order::Created => "e.created, e.key",
        Order::CreatedDescending => "e.created DESC, e.key DESC",
    };
    let mut select = connection.prepare_cached(&format!(
        "SELECT e.key, e.version, e.created, e.value
         FROM store_entries e LEFT JOIN store_sessions s ON s.number = e.session
         WHERE e.key >= ?1 AND e.key < ?2 AND (e.session IS NULL OR s.until > ?3) AND e.created < ?4
         ORDER BY {order} LIMIT ?5"
    ))?;
    let one_more = signed(limit as u64).saturating_add(1);
    let mut entries: Vec<Entry> = select
        .query_map((begin, end, expired_at(now), ceiling, one_more), read_entry)?
        .collect::<rusqlite::Result<_>>()?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    Ok(Listing { entries, as_of: latest(connection)?, more })
}

/// The latest commit.
pub(crate) fn latest(connection: &Connection) -> rusqlite::Result<Version> {
    let version =
        connection.prepare_cached("SELECT version FROM store_state")?.query_row([], |row| row.get(0))?;
    Ok(Version::new(unsigned(version)))
}

/// What a watch sees at one look.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) batch: Batch,
    /// When the next session expires unless it is renewed.
    pub(crate) deadline: Option<Moment>,
}

/// What changed below `prefix` after `after`, if a history of `limit` changes still has it.
pub(crate) fn changes(
    connection: &Connection,
    prefix: &str,
    after: Version,
    limit: usize,
) -> rusqlite::Result<Look> {
    let deadline: Option<i64> = connection
        .prepare_cached("SELECT min(until) FROM store_sessions")?
        .query_row([], |row| row.get(0))?;
    let deadline = deadline.map(|until| Moment::from_nanos(unsigned(until)));
    let latest = latest(connection)?;
    let batch = if is_passed(connection, after, latest, limit)? {
        Batch { changes: vec![Change::Resync { as_of: latest }], through: latest }
    } else {
        read(connection, prefix, after, latest)?
    };
    Ok(Look { batch, deadline })
}

/// Whether some change after `after` is no longer in a history of `limit` changes.
///
/// Judged by the numbers of changes, so that the limit is exact though rows are deleted many
/// at a time. A commit is dropped whole, and the latest never.
fn is_passed(
    connection: &Connection,
    after: Version,
    latest: Version,
    limit: usize,
) -> rusqlite::Result<bool> {
    let (number, floor): (i64, i64) = connection
        .prepare_cached("SELECT number, floor FROM store_state")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    // Also a version that this store has not reached: whatever the watcher knows, it is not
    // from here.
    if after.number() < unsigned(floor) || after > latest {
        return Ok(true);
    }
    let first: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT number, version FROM store_changes WHERE version > ? ORDER BY version, number LIMIT 1",
        )?
        .query_row([signed(after.number())], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((first, version)) = first else { return Ok(false) };
    if number - first < signed(limit as u64) {
        return Ok(false);
    }
    let newest: i64 = connection
        .prepare_cached("SELECT max(version) FROM store_changes")?
        .query_row([], |row| row.get(0))?;
    Ok(version < newest)
}

fn read(connection: &Connection, prefix: &str, after: Version, latest: Version) -> rusqlite::Result<Batch> {
    let mut select = connection.prepare_cached(
        "SELECT key, version, created, value FROM store_changes
         WHERE version > ?1 AND key >= ?2 AND key < ?3 ORDER BY version, number",
    )?;
    let mut rows = select.query((signed(after.number()), prefix, end_of(prefix)))?;
    let (mut changes, mut bytes): (Vec<Change>, usize) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let version = Version::new(unsigned(row.get(1)?));
        if let Some(last) = changes.last().map(Change::version)
            && (changes.len() >= Feed::BATCH || bytes >= Feed::BATCH_BYTES)
            && version > last
        {
            return Ok(Batch { changes, through: last });
        }
        changes.push(match row.get::<_, Option<i64>>(2)? {
            Some(_) => {
                let entry = read_entry(row)?;
                bytes = bytes.saturating_add(entry.value.len());
                Change::Put(entry)
            }
            None => Change::Delete { key: row.get(0)?, version },
        });
    }
    Ok(Batch { changes, through: latest })
}

/// Where the keys with this prefix end: a blob sorts after every text.
fn end_of(prefix: &str) -> Value {
    limits::end_of(prefix).map_or(Value::Blob(Vec::new()), Value::Text)
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        key: row.get(0)?,
        version: Version::new(unsigned(row.get(1)?)),
        created: Version::new(unsigned(row.get(2)?)),
        value: Bytes::from(row.get::<_, Vec<u8>>(3)?),
    })
}
