//! Steps that were applied, with what they did.

use entourage_core::planted;

use crate::{
    limits,
    sqlite::{
        codec,
        work::{Work, many, number, span},
    },
    step::{Applied, StepId},
};

/// By what a step is known again.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// Its name.
    Named(StepId),
    /// The epoch of the first attempt that it settles, which no other attempt has.
    Unnamed(i64),
}

/// What the step of this mark did, if the group remembers it.
pub(super) fn find(work: &Work<'_>, group: i64, mark: &Mark) -> rusqlite::Result<Option<Applied>> {
    if planted("queue-forgets-step-ids") {
        return Ok(None);
    }
    let since = work.now.saturating_sub(span(limits::STEP_WINDOW));
    let result = |row: &rusqlite::Row<'_>| row.get::<_, Option<Vec<u8>>>(0);
    let found = match mark {
        Mark::Named(id) => work.first(
            "SELECT result FROM queue_steps WHERE grp = ?1 AND id = ?2 AND at > ?3
                AND nth > (SELECT max(nth) FROM queue_steps WHERE grp = ?1) - ?4",
            (group, id.as_str(), since, number(limits::STEP_IDS)),
            result,
        )?,
        Mark::Unnamed(epoch) => work.first(
            "SELECT result FROM queue_attempts WHERE grp = ?1 AND epoch = ?2 AND at > ?3",
            (group, epoch, since),
            result,
        )?,
    };
    Ok(found.map(|result| codec::read_applied(&result.unwrap_or_default())))
}

/// Remembers what a step did; it is not known, but may not be deleted yet.
///
/// For each that comes up to four are deleted that are old enough.
pub(super) fn remember(
    work: &mut Work<'_>,
    group: i64,
    mark: &Mark,
    applied: &Applied,
) -> rusqlite::Result<()> {
    let since = work.now.saturating_sub(span(limits::STEP_WINDOW));
    let result = codec::applied(applied);
    match mark {
        Mark::Named(id) => {
            let last = work.prepare("SELECT max(nth) FROM queue_steps WHERE grp = ?1");
            let last: Option<i64> = last?.query_row((group,), |row| row.get(0))?;
            let nth = last.unwrap_or(0) + 1;
            work.execute(
                "INSERT INTO queue_steps (grp, nth, id, at, result) VALUES (?1, ?2, ?3, ?4, ?5)
                    ON CONFLICT (grp, id) DO UPDATE
                    SET nth = excluded.nth, at = excluded.at, result = excluded.result",
                (group, nth, id.as_str(), work.now, result),
            )?;
            work.execute(
                "DELETE FROM queue_steps WHERE grp = ?1 AND nth IN
                    (SELECT nth FROM queue_steps WHERE grp = ?1 ORDER BY nth LIMIT 4)
                    AND (nth <= ?2 OR at <= ?3)",
                (group, nth - number(limits::STEP_IDS), since),
            )?;
        }
        Mark::Unnamed(epoch) => {
            // The oldest attempts stand for the oldest steps: it is the same but for stragglers.
            let gone = work.execute(
                "DELETE FROM queue_attempts WHERE epoch IN
                    (SELECT epoch FROM queue_attempts ORDER BY epoch LIMIT 4)
                    AND (at <= ?1 OR ?2 <= (SELECT attempts FROM queue_meta))",
                (since, number(limits::STEP_IDS)),
            )?;
            work.execute(
                "INSERT INTO queue_attempts (epoch, grp, at, result) VALUES (?1, ?2, ?3, ?4)
                    ON CONFLICT (epoch) DO UPDATE SET at = excluded.at, result = excluded.result",
                (epoch, group, work.now, result),
            )?;
            work.remembered(1 - many(gone));
        }
    }
    Ok(())
}
