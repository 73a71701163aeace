//! The commits of a store, counted, and the changes that it keeps of them.

use rusqlite::Connection;

use super::schema::signed;

/// Bytes of keys and values that the history keeps at most, beyond its latest commit.
const MAX_BYTES: i64 = 64 * 1024 * 1024;

/// The history as one transaction of the file continues it.
#[derive(Debug)]
pub(crate) struct History<'c> {
    connection: &'c Connection,
    found: Tally,
    tally: Tally,
}

/// The one row of `store_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tally {
    version: i64,
    number: i64,
    kept: i64,
    bytes: i64,
    floor: i64,
}

impl<'c> History<'c> {
    pub(crate) fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        let tally = connection
            .prepare_cached("SELECT version, number, kept, bytes, floor FROM store_state")?
            .query_row([], |row| {
                Ok(Tally {
                    version: row.get(0)?,
                    number: row.get(1)?,
                    kept: row.get(2)?,
                    bytes: row.get(3)?,
                    floor: row.get(4)?,
                })
            })?;
        Ok(Self { connection, found: tally, tally })
    }

    /// The latest commit.
    pub(crate) const fn version(&self) -> i64 {
        self.tally.version
    }

    /// Begins the next commit.
    pub(crate) const fn commit(&mut self) {
        self.tally.version += 1;
    }

    /// Keeps a change of the present commit: a put with its creation and value, or a delete.
    pub(crate) fn note(&mut self, key: &str, put: Option<(i64, &[u8])>) -> rusqlite::Result<()> {
        self.tally.number += 1;
        self.tally.kept += 1;
        let length = key.len().saturating_add(put.map_or(0, |(_, value)| value.len()));
        self.tally.bytes = self.tally.bytes.saturating_add(signed(length as u64));
        let (created, value) = put.unzip();
        self.connection
            .prepare_cached(
                "INSERT INTO store_changes (version, number, key, created, value) VALUES (?, ?, ?, ?, ?)",
            )?
            .execute((self.tally.version, self.tally.number, key, created, value))?;
        Ok(())
    }

    /// Writes the tally back, and drops the oldest changes beyond `limit`.
    ///
    /// A watch judges the limit itself; rows are deleted an eighth of the history at a time,
    /// so that a write does not pay for it.
    pub(crate) fn finish(mut self, limit: usize) -> rusqlite::Result<()> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let slack = (limit / 8).min(1_000);
        if self.tally.kept > limit.saturating_add(slack) || self.tally.bytes > MAX_BYTES + MAX_BYTES / 8 {
            self.trim(limit)?;
        }
        if self.tally == self.found {
            return Ok(());
        }
        let Tally { version, number, kept, bytes, floor } = self.tally;
        self.connection
            .prepare_cached("UPDATE store_state SET version = ?, number = ?, kept = ?, bytes = ?, floor = ?")?
            .execute((version, number, kept, bytes, floor))?;
        Ok(())
    }

    /// Drops the oldest commits until the history is within its bounds; never the latest.
    fn trim(&mut self, limit: i64) -> rusqlite::Result<()> {
        let latest: i64 = self
            .connection
            .prepare_cached("SELECT max(version) FROM store_changes")?
            .query_row([], |row| Ok(row.get::<_, Option<i64>>(0)?.unwrap_or(0)))?;
        let mut walk = self.connection.prepare_cached(
            "SELECT version, octet_length(key) + coalesce(octet_length(value), 0)
             FROM store_changes ORDER BY version, number",
        )?;
        let mut rows = walk.query([])?;
        let mut floor = self.tally.floor;
        while let Some(row) = rows.next()? {
            let (version, bytes): (i64, i64) = (row.get(0)?, row.get(1)?);
            let within = self.tally.kept <= limit && self.tally.bytes <= MAX_BYTES;
            if version == latest || (within && version > floor) {
                break;
            }
            floor = version;
            self.tally.kept -= 1;
            self.tally.bytes -= bytes;
        }
        drop(rows);
        self.tally.floor = floor;
        self.connection.prepare_cached("DELETE FROM store_changes WHERE version <= ?")?.execute([floor])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::schema::SCHEMA;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.create).unwrap();
        connection
    }

    /// A commit that puts `value` under each of `keys`; its number.
    fn write(connection: &Connection, limit: usize, keys: &[&str], value: &[u8]) -> i64 {
        let mut history = History::begin(connection).unwrap();
        history.commit();
        let version = history.version();
        for key in keys {
            history.note(key, Some((version, value))).unwrap();
        }
        history.finish(limit).unwrap();
        version
    }

    /// The rows that are kept, their bytes, and up to which commit all are gone.
    fn rows(connection: &Connection) -> (i64, i64, i64) {
        let count =
            "SELECT count(*), sum(octet_length(key) + coalesce(octet_length(value), 0)) FROM store_changes";
        let (rows, bytes) = connection.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let Tally { kept, bytes: counted, floor, .. } = History::begin(connection).unwrap().tally;
        assert_eq!((kept, counted), (rows, bytes), "the tally is of the rows");
        (rows, bytes, floor)
    }

    #[test]
    fn it_is_deleted_an_eighth_at_a_time_and_counted_right() {
        let connection = connection();
        let mut most = 0;
        for number in 0..1_000 {
            write(&connection, 80, &[&format!("k/{}", number % 7)], &vec![1; number % 50]);
            let (rows, ..) = rows(&connection);
            assert!(number < 80 || rows >= 80, "{rows} of 80");
            most = most.max(rows);
        }
        assert_eq!(most, 90);
    }

    #[test]
    fn it_is_bounded_in_bytes_and_keeps_the_latest_commit() {
        let connection = connection();
        for _ in 0..10 {
            write(&connection, 80, &["k"], &vec![0; MAX_BYTES as usize / 4]);
        }
        let (kept, bytes, _) = rows(&connection);
        assert!(bytes <= MAX_BYTES + MAX_BYTES / 8 && kept >= 3);
        let version = write(&connection, 0, &["k", "l"], b"1");
        let (kept, _, floor) = rows(&connection);
        assert_eq!((kept, floor), (2, version - 1));
    }
}
