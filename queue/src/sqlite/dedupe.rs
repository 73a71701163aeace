//! Ids that a topic has taken, remembered for a while.

use entourage_core::planted;
use rusqlite::{CachedStatement, Row};

use crate::sqlite::{
    codec::{Bytes, put_text},
    work::Work,
};

/// How many ids share a row of the log: so many are forgotten at once.
const ROW: i64 = 64;
/// More places than a topic gives in thirty years at a thousand a second.
const PLACES: i64 = 1 << 40;

/// The memory of one topic during one job.
///
/// An id is remembered by its place among those of its topic, so that the number of ids is
/// kept to without counting or deleting: whatever is that far behind is forgotten. The log
/// has the ids in their order; from it they are deleted, about as many as come in.
pub(super) struct Seen<'a> {
    topic: i64,
    window: i64,
    most: i64,
    /// The places of the last id that is forgotten, before this job, in the log, and of all.
    forgotten: i64,
    before: i64,
    logged: i64,
    last: i64,
    /// Those that are not in the log yet.
    ids: Vec<u8>,
    insert: CachedStatement<'a>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(work: &Work<'a>, topic: i64) -> rusqlite::Result<Self> {
        let sql = "SELECT dedupe_window, dedupe_ids, forgotten FROM queue_topics WHERE id = ?1";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (window, most, forgotten): (i64, i64, i64) = work.prepare(sql)?.query_row((topic,), read)?;
        let insert = work.prepare(
            "INSERT INTO queue_seen (topic, id, nth) VALUES (?1, ?2, ?3) ON CONFLICT (topic, id) DO NOTHING",
        )?;
        let ids = Vec::new();
        let mut seen = Self { topic, window, most, forgotten, before: 0, logged: 0, last: 0, ids, insert };
        let sql = "SELECT last FROM queue_seen_log WHERE first BETWEEN ?1 AND ?2 ORDER BY first DESC LIMIT 1";
        let last = work.first(sql, (seen.row(0), seen.row(PLACES - 1)), |row| row.get::<_, i64>(0))?;
        // Where the log is empty no id is known, and the places may begin again.
        seen.last = last.map_or(forgotten, |last| last.max(forgotten));
        (seen.before, seen.logged) = (seen.last, seen.last);
        Ok(seen)
    }

    /// Whether an id is new; it is remembered then.
    pub(super) fn remember(&mut self, work: &Work<'_>, id: &str) -> rusqlite::Result<bool> {
        let nth = self.last + 1;
        if self.insert.execute((self.topic, id, nth))? == 0 {
            if self.is_known(work, id)? {
                return Ok(planted("queue-forgets-ids"));
            }
            let sql = "UPDATE queue_seen SET nth = ?3 WHERE topic = ?1 AND id = ?2";
            work.execute(sql, (self.topic, id, nth))?;
        }
        self.note(work, id)?;
        Ok(true)
    }

    /// Remembers the ids of the bodies from `first` on if all of them are new; whether they are.
    pub(super) fn remember_all<'i>(
        &mut self,
        work: &Work<'_>,
        first: i64,
        ids: impl Iterator<Item = &'i str> + Clone,
    ) -> rusqlite::Result<bool> {
        let nth = self.last + 1;
        let new = work.execute(
            "INSERT INTO queue_seen (topic, id, nth)
                SELECT topic, id, seq - ?1 + ?2 FROM queue_items WHERE seq >= ?1
                ON CONFLICT (topic, id) DO NOTHING",
            (first, nth),
        )?;
        if new < ids.clone().count() {
            let mut undo =
                work.prepare("DELETE FROM queue_seen WHERE topic = ?1 AND id = ?2 AND nth >= ?3")?;
            for id in ids {
                undo.execute((self.topic, id, nth))?;
            }
            return Ok(false);
        }
        for id in ids {
            self.note(work, id)?;
        }
        Ok(true)
    }

    fn is_known(&self, work: &Work<'_>, id: &str) -> rusqlite::Result<bool> {
        let sql = "SELECT nth FROM queue_seen WHERE topic = ?1 AND id = ?2";
        let nth: Option<i64> = work.first(sql, (self.topic, id), |row| row.get(0))?;
        let Some(nth) = nth.filter(|nth| *nth > self.forgotten) else { return Ok(false) };
        if nth > self.before {
            return Ok(true);
        }
        let at = work.first(
            "SELECT at FROM queue_seen_log WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
            (self.row(nth),),
            |row| row.get::<_, i64>(0),
        )?;
        Ok(at.is_some_and(|at| work.now < at.saturating_add(self.window)))
    }

    /// Gives the next place to an id.
    fn note(&mut self, work: &Work<'_>, id: &str) -> rusqlite::Result<()> {
        self.last += 1;
        put_text(&mut self.ids, id);
        if self.last - self.logged == ROW { self.log(work) } else { Ok(()) }
    }

    fn log(&mut self, work: &Work<'_>) -> rusqlite::Result<()> {
        if self.logged < self.last {
            work.execute(
                "INSERT INTO queue_seen_log (first, last, at, ids) VALUES (?1, ?2, ?3, ?4)",
                (self.row(self.logged + 1), self.last, work.now, &self.ids),
            )?;
            self.logged = self.last;
            self.ids.clear();
        }
        Ok(())
    }

    /// Ends the log, and forgets as many old ids as new ones have come, and some more.
    pub(super) fn flush(mut self, work: &Work<'_>) -> rusqlite::Result<()> {
        self.log(work)?;
        if self.forgotten < self.last - self.most {
            self.forgotten = self.last - self.most;
            let sql = "UPDATE queue_topics SET forgotten = ?2 WHERE id = ?1";
            work.execute(sql, (self.topic, self.forgotten))?;
        }
        let mut left = if self.last > self.before { self.last - self.before + ROW } else { 0 };
        while left > 0
            && let Some(deleted) = self.delete_oldest(work)?
        {
            left -= deleted;
        }
        Ok(())
    }

    /// The row of the log that begins with this place.
    const fn row(&self, nth: i64) -> i64 {
        self.topic * PLACES + nth
    }

    /// Deletes the oldest row of the log with its ids, if none of them is known any more.
    fn delete_oldest(&self, work: &Work<'_>) -> rusqlite::Result<Option<i64>> {
        let sql =
            "SELECT first, last, at FROM queue_seen_log WHERE first BETWEEN ?1 AND ?2 ORDER BY first LIMIT 1";
        let oldest = work.first(sql, (self.row(0), self.row(self.last)), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })?;
        let Some((row, last, at)) = oldest else { return Ok(None) };
        if last > self.forgotten && work.now < at.saturating_add(self.window) {
            return Ok(None);
        }
        let sql = "SELECT ids FROM queue_seen_log WHERE first = ?1";
        let ids: Vec<u8> = work.prepare(sql)?.query_row((row,), |row| row.get(0))?;
        // An id that was forgotten and came again has a later place, and stays.
        let mut delete = work.prepare("DELETE FROM queue_seen WHERE topic = ?1 AND id = ?2 AND nth = ?3")?;
        let first = row - self.row(0);
        let mut nth = first;
        let mut ids = Bytes(&ids);
        while let Some(id) = ids.text() {
            delete.execute((self.topic, id, nth))?;
            nth += 1;
        }
        work.execute("DELETE FROM queue_seen_log WHERE first = ?1", (row,))?;
        Ok(Some(nth - first))
    }
}
