//! The tables of a store, and what a reboot does to them.

use entourage_core::Moment;
use entourage_engine::sqlite::Schema;
use rusqlite::Connection;

use super::ledger::Ledger;

/// The store's part of a file, which a queue may share.
pub(crate) const SCHEMA: Schema = Schema {
    name: "store",
    version: 1,
    // Values stand last in their rows, so that looking for a key reads no overflow pages.
    create: "
        CREATE TABLE IF NOT EXISTS store_state (
            id      INTEGER PRIMARY KEY CHECK (id = 1),
            version INTEGER NOT NULL, -- the latest commit
            number  INTEGER NOT NULL, -- of the latest change
            kept    INTEGER NOT NULL, -- changes in the history
            bytes   INTEGER NOT NULL, -- of their keys and values
            floor   INTEGER NOT NULL  -- changes up to this commit are gone
        ) STRICT;
        INSERT INTO store_state SELECT 1, 0, 0, 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM store_state);

        CREATE TABLE IF NOT EXISTS store_entries (
            key     TEXT PRIMARY KEY,
            version INTEGER NOT NULL,
            created INTEGER NOT NULL,
            session INTEGER,
            value   BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS store_entries_session
            ON store_entries (session) WHERE session IS NOT NULL;

        CREATE TABLE IF NOT EXISTS store_changes (
            version INTEGER NOT NULL,
            number  INTEGER NOT NULL, -- counts all changes ever
            key     TEXT NOT NULL,
            created INTEGER,          -- NULL for a deletion
            value   BLOB,             -- NULL for a deletion
            PRIMARY KEY (version, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE IF NOT EXISTS store_sessions (
            number  INTEGER PRIMARY KEY,
            epoch   INTEGER NOT NULL,
            ttl     INTEGER NOT NULL, -- nanoseconds
            until   INTEGER NOT NULL  -- nanoseconds of the boot's timeline
        ) STRICT;
        CREATE INDEX IF NOT EXISTS store_sessions_until ON store_sessions (until);
    ",
    rebooted,
};

/// Ends every session: whoever held one died with the machine, and its deadline is of a
/// timeline that is no more.
fn rebooted(connection: &Connection, _now: Moment) -> rusqlite::Result<()> {
    let mut ledger = Ledger::begin(connection)?;
    ledger.end_all()?;
    ledger.finish(usize::MAX)
}

/// SQLite's integers are signed; a number that does not fit is later than any that does.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that was written by [`signed`].
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A duration or moment in nanoseconds, as a column holds it.
pub(crate) fn nanos(moment: Moment) -> i64 {
    signed(moment.as_nanos())
}
