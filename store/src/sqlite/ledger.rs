//! What a store writes, within one transaction of the file.

use std::time::Duration;

use entourage_core::{Fence, Moment, planted};
use entourage_engine::sqlite::Tx;
use rusqlite::{Connection, OptionalExtension};

use super::{
    history::History,
    schema::{nanos, signed, unsigned},
};
use crate::{
    entry::{Entry, Version},
    error::{Error, Result},
    limits::{self, Grant},
    session::SessionId,
    sqlite::snapshot,
    txn::{Condition, Operation, Outcome, Txn},
};

/// The store as one transaction changes it: each change is of a commit, counted, and kept in
/// the history.
///
/// Its methods take for granted that expired sessions have been ended: [`Ledger::expire`].
#[derive(Debug)]
pub(crate) struct Ledger<'c> {
    connection: &'c Connection,
    history: History<'c>,
}

/// The sessions whose deadline is at most this have expired.
pub(crate) fn expired_at(now: Moment) -> i64 {
    if planted("store-session-off-by-one") { nanos(now) - 1 } else { nanos(now) }
}

impl<'c> Ledger<'c> {
    pub(crate) fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self { connection, history: History::begin(connection)? })
    }

    /// Ends the transaction's part in a history of `limit` changes.
    pub(crate) fn finish(self, limit: usize) -> rusqlite::Result<()> {
        self.history.finish(limit)
    }

    /// Ends every session whose time has come, each in a commit of its own; how many.
    pub(crate) fn expire(&mut self, now: Moment) -> rusqlite::Result<u64> {
        let expired: Vec<i64> = self
            .connection
            .prepare_cached("SELECT number FROM store_sessions WHERE until <= ? ORDER BY until, number")?
            .query_map([expired_at(now)], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for number in &expired {
            self.close(*number)?;
        }
        Ok(expired.len() as u64)
    }

    /// Ends every session, each in a commit of its own.
    pub(crate) fn end_all(&mut self) -> rusqlite::Result<()> {
        let all: Vec<i64> = self
            .connection
            .prepare("SELECT number FROM store_sessions ORDER BY until, number")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        all.into_iter().try_for_each(|number| self.close(number))
    }

    /// Judges and applies a transaction that is within the limits.
    pub(crate) fn transact(&mut self, txn: Txn) -> rusqlite::Result<Result<Outcome>> {
        for (condition, judged) in txn.conditions.iter().enumerate() {
            let (holds, key) = match judged {
                Condition::Key { key, test } => {
                    (limits::passes(test, self.stamp(key)?.as_ref()), Some(key.as_str()))
                }
                Condition::Holds(fence) => (self.stands(fence)?, None),
            };
            if !holds {
                let found = key.map(|key| snapshot::entry(self.connection, key)).transpose()?.flatten();
                return Ok(Ok(Outcome::Refused { condition, found }));
            }
        }
        for operation in &txn.operations {
            if let Operation::Put { session: Some(id), .. } = operation
                && !self.is_open(*id)?
            {
                return Ok(Err(Error::SessionLost { id: *id }));
            }
        }
        if !txn.operations.is_empty() {
            self.history.commit();
        }
        for operation in txn.operations {
            match operation {
                Operation::Put { key, value, session } => self.put(&key, &value, session)?,
                Operation::Delete { key } => self.delete(&key)?,
            }
        }
        Ok(Ok(Outcome::Applied { version: Version::new(unsigned(self.history.version())) }))
    }

    /// Opens the session that `epoch` names and grants it.
    pub(crate) fn open(&mut self, now: Moment, epoch: u64, ttl: Duration) -> rusqlite::Result<Grant> {
        self.history.commit();
        // Epochs are unique, so that no session number is used twice.
        let (number, ttl_nanos) = (signed(epoch), nanos(Moment::ZERO + ttl));
        self.connection
            .prepare_cached("INSERT INTO store_sessions (number, epoch, ttl, until) VALUES (?1, ?1, ?2, ?3)")?
            .execute((number, ttl_nanos, nanos(now + ttl)))?;
        Ok(Grant { number: epoch, epoch, ttl })
    }

    /// Grants an open session to a new incarnation of its holder.
    pub(crate) fn resume(
        &mut self,
        now: Moment,
        epoch: u64,
        id: SessionId,
    ) -> rusqlite::Result<Result<Grant>> {
        let seat: Option<(i64, i64)> = self
            .connection
            .prepare_cached("SELECT epoch, ttl FROM store_sessions WHERE number = ?")?
            .query_row([signed(id.number)], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((former, ttl)) = seat else { return Ok(Err(Error::SessionLost { id })) };
        self.history.commit();
        let epoch = if planted("store-repeats-fence") { unsigned(former) } else { epoch };
        let ttl = Duration::from_nanos(unsigned(ttl));
        self.connection
            .prepare_cached("UPDATE store_sessions SET epoch = ?2, until = ?3 WHERE number = ?1")?
            .execute((signed(id.number), signed(epoch), nanos(now + ttl)))?;
        Ok(Ok(Grant { number: id.number, epoch, ttl }))
    }

    /// Ends a session for the incarnation that has it; whether it had it.
    pub(crate) fn end(&mut self, grant: &Grant) -> rusqlite::Result<bool> {
        let seated = self.is_seated(grant.number, grant.epoch)?;
        if seated {
            self.close(signed(grant.number))?;
        }
        Ok(seated)
    }

    /// Version and creation of what stands under a key, without its value.
    fn stamp(&self, key: &str) -> rusqlite::Result<Option<Entry>> {
        self.connection
            .prepare_cached("SELECT version, created FROM store_entries WHERE key = ?")?
            .query_row([key], |row| {
                Ok(Entry {
                    key: String::new(),
                    value: bytes::Bytes::new(),
                    version: Version::new(unsigned(row.get(0)?)),
                    created: Version::new(unsigned(row.get(1)?)),
                })
            })
            .optional()
    }

    fn stands(&self, fence: &Fence) -> rusqlite::Result<bool> {
        limits::session_of(fence).map_or(Ok(false), |number| self.is_seated(number, fence.epoch()))
    }

    fn is_seated(&self, number: u64, epoch: u64) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM store_sessions WHERE number = ? AND epoch = ?")?
            .exists((signed(number), signed(epoch)))
    }

    fn is_open(&self, id: SessionId) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM store_sessions WHERE number = ?")?
            .exists([signed(id.number)])
    }

    fn put(&mut self, key: &str, value: &[u8], session: Option<SessionId>) -> rusqlite::Result<()> {
        let session = session.map(|id| signed(id.number));
        let created: i64 = self
            .connection
            .prepare_cached(
                "INSERT INTO store_entries (key, version, created, session, value)
                 VALUES (?1, ?2, ?2, ?3, ?4)
                 ON CONFLICT (key) DO UPDATE
                 SET version = excluded.version, session = excluded.session, value = excluded.value
                 RETURNING created",
            )?
            .query_row((key, self.history.version(), session, value), |row| row.get(0))?;
        self.history.note(key, Some((created, value)))
    }

    fn delete(&mut self, key: &str) -> rusqlite::Result<()> {
        let deleted =
            self.connection.prepare_cached("DELETE FROM store_entries WHERE key = ?")?.execute([key])?;
        if deleted > 0 { self.history.note(key, None) } else { Ok(()) }
    }

    /// Ends a session and deletes its keys, in one commit.
    fn close(&mut self, number: i64) -> rusqlite::Result<()> {
        self.history.commit();
        self.connection.prepare_cached("DELETE FROM store_sessions WHERE number = ?")?.execute([number])?;
        let mut keys: Vec<String> = self
            .connection
            .prepare_cached("DELETE FROM store_entries WHERE session = ? RETURNING key")?
            .query_map([number], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        keys.sort_unstable();
        keys.iter().try_for_each(|key| self.history.note(key, None))
    }
}

/// Renews a session for the incarnation that has it, and touches nothing else.
///
/// Nothing else, because this alone is committed without an fsync: a deadline means nothing
/// after a reboot, but a commit number that was seen must not be given twice.
pub(crate) fn renew(tx: &Tx<'_>, grant: &Grant) -> rusqlite::Result<bool> {
    let renewed = tx
        .prepare_cached(
            "UPDATE store_sessions SET until = ?3 WHERE number = ?1 AND epoch = ?2 AND until > ?4",
        )?
        .execute((
            signed(grant.number),
            signed(grant.epoch),
            nanos(tx.now() + grant.ttl),
            expired_at(tx.now()),
        ))?;
    Ok(renewed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sqlite::schema::SCHEMA, watch::Change};

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA.create).unwrap();
        connection
    }

    fn write(connection: &Connection, history: usize, txn: Txn) -> Version {
        let mut ledger = Ledger::begin(connection).unwrap();
        let outcome = ledger.transact(txn).unwrap().unwrap();
        ledger.finish(history).unwrap();
        outcome.applied().expect("nothing stands against it")
    }

    #[test]
    fn a_reboot_ends_every_session_and_shows_it() {
        let connection = connection();
        let mut ledger = Ledger::begin(&connection).unwrap();
        let long = ledger.open(Moment::ZERO, 41, Duration::MAX).unwrap();
        let short = ledger.open(Moment::ZERO, 42, Duration::from_secs(1)).unwrap();
        ledger.finish(10).unwrap();
        let realm = entourage_core::Realm::new(7);
        let txn = Txn::new().put_with("a", "1", long.id(realm)).put_with("b", "1", short.id(realm));
        let before = write(&connection, 10, txn.put("c", "1"));
        (SCHEMA.rebooted)(&connection, Moment::ZERO).unwrap();

        let look = snapshot::changes(&connection, "", before, 10).unwrap();
        let seen: Vec<_> = look.batch.changes.iter().map(|change| change.key().unwrap()).collect();
        assert_eq!((seen, look.deadline), (vec!["b", "a"], None));
        assert!(look.batch.changes.iter().all(|change| matches!(change, Change::Delete { .. })));
        assert!(snapshot::entry(&connection, "c").unwrap().is_some());
    }
}
