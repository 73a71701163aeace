//! What every job of the queue works on.

use std::time::Duration;

use entourage_core::Moment;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, types::FromSql};

/// A connection, one moment, and the counts that have changed but are not yet written.
///
/// Counts are kept here and written once a job, because a batch of a hundred items moves
/// the same row a hundred times.
pub(super) struct Work<'a> {
    pub(super) conn: &'a Connection,
    pub(super) now: i64,
    counts: Counts,
}

/// Changes of counts that [`Work::flush`] writes.
#[derive(Default)]
pub(super) struct Counts {
    shares: Vec<(i64, Share)>,
    topics: Vec<(i64, i64)>,
    stirs: bool,
    attempts: i64,
    ends: Option<i64>,
}

/// What has changed in one share.
#[derive(Clone, Copy, Default)]
pub(super) struct Share {
    pub(super) ready: i64,
    pub(super) loose: i64,
    pub(super) waiting: i64,
    pub(super) in_flight: i64,
    pub(super) dead: i64,
}

impl<'a> Work<'a> {
    pub(super) fn new(conn: &'a Connection, now: Moment) -> Self {
        Self { conn, now: nanos(now), counts: Counts::default() }
    }

    /// Lets go of the connection for a while.
    pub(super) fn suspend(self) -> Counts {
        self.counts
    }

    /// Goes on with what was counted before.
    pub(super) fn resume(conn: &'a Connection, now: Moment, counts: Counts) -> Self {
        Self { counts, ..Self::new(conn, now) }
    }

    /// `pause` from now.
    pub(super) const fn after(&self, pause: i64) -> i64 {
        self.now.saturating_add(pause)
    }

    /// A statement that stays prepared with the connection.
    pub(super) fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'a>> {
        self.conn.prepare_cached(sql)
    }

    /// Runs a statement; how many rows it changed.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.prepare(sql)?.execute(params)
    }

    /// The first row of an answer, if there is one.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.prepare(sql)?.query_row(params, read).optional()
    }

    /// The first column of every row.
    pub(super) fn column<T: FromSql>(&self, sql: &str, params: impl Params) -> rusqlite::Result<Vec<T>> {
        self.prepare(sql)?.query_map(params, |row| row.get(0))?.collect()
    }

    /// The changes of one share's counts.
    pub(super) fn share(&mut self, id: i64) -> &mut Share {
        let shares = &mut self.counts.shares;
        let at = shares.iter().rposition(|(share, _)| *share == id).unwrap_or_else(|| {
            shares.push((id, Share::default()));
            shares.len() - 1
        });
        &mut shares[at].1
    }

    /// Notes that a topic has so many more unsettled items, or fewer.
    pub(super) fn live(&mut self, topic: i64, more: i64) {
        match self.counts.topics.iter_mut().rev().find(|(id, _)| *id == topic) {
            Some((_, live)) => *live += more,
            None => self.counts.topics.push((topic, more)),
        }
    }

    /// Notes that a consumer's silence or an attempt's time ends at this moment.
    pub(super) fn ends(&mut self, until: i64) {
        self.counts.ends = Some(self.counts.ends.map_or(until, |ends| ends.min(until)));
    }

    /// Notes that so many more steps without a name are remembered.
    pub(super) const fn remembered(&mut self, more: i64) {
        self.counts.attempts += more;
    }

    /// Notes that waiting receivers are to look again although no count has grown.
    pub(super) const fn stir(&mut self) {
        self.counts.stirs = true;
    }

    /// Writes the counts; the topics that hold more than before.
    pub(super) fn flush(&mut self) -> rusqlite::Result<Vec<i64>> {
        let mut stirs = std::mem::take(&mut self.counts.stirs);
        if let Some(ends) = self.counts.ends.take() {
            // Nobody who waits knows yet that anything ends so soon.
            let sql = "UPDATE queue_meta SET next_end = ?1 WHERE next_end > ?1";
            stirs |= self.execute(sql, (ends,))? > 0;
        }
        for (id, share) in std::mem::take(&mut self.counts.shares) {
            let Share { ready, loose, waiting, in_flight, dead } = share;
            stirs |= ready > 0 || waiting > 0;
            self.execute(
                "UPDATE queue_shares SET ready = ready + ?2, loose = loose + ?3, waiting = waiting + ?4,
                    in_flight = in_flight + ?5, dead = dead + ?6 WHERE id = ?1",
                (id, ready, loose, waiting, in_flight, dead),
            )?;
        }
        let mut grown = Vec::new();
        for (id, more) in std::mem::take(&mut self.counts.topics) {
            if more != 0 {
                let sql = "UPDATE queue_shares SET live = live + ?2
                    WHERE id = (SELECT min(id) FROM queue_shares WHERE topic = ?1)";
                self.execute(sql, (id, more))?;
            }
            stirs |= more < 0;
            if more > 0 {
                grown.push(id);
            }
        }
        let attempts = std::mem::take(&mut self.counts.attempts);
        if stirs || attempts != 0 {
            let sql = "UPDATE queue_meta SET stirs = stirs + ?1, attempts = attempts + ?2";
            self.execute(sql, (stirs, attempts))?;
        }
        Ok(grown)
    }
}

/// A moment as the file has it.
pub(super) fn nanos(moment: Moment) -> i64 {
    i64::try_from(moment.as_nanos()).unwrap_or(i64::MAX)
}

/// A duration as the file has it: the longest stands for "for ever".
pub(super) fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A number as the file has it: none of ours comes near the end.
pub(super) fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// How many, as the file has it.
pub(super) fn many(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A count from the file, which is never negative.
pub(super) fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
