//! Ends what has lapsed, whoever held it.

use entourage_core::planted;

use crate::{
    counts::Counts,
    sqlite::{grant, settle::lapse, work::Work},
};

/// What a sweep has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Swept {
    lapsed: u64,
    poisoned: u64,
}

impl Swept {
    pub(super) fn count(self, counts: &Counts) {
        counts.lapsed.add(self.lapsed);
        counts.poisoned.add(self.poisoned);
    }
}

/// Up to and including which moment a deadline is over: it holds only before it.
pub(super) fn over(now: i64) -> i64 {
    if planted("lease-deadline-off-by-one") { now - 1 } else { now }
}

/// No consumer's silence and no attempt's time ends before this moment.
pub(super) fn next_end(work: &Work<'_>) -> rusqlite::Result<i64> {
    work.prepare("SELECT next_end FROM queue_meta")?.query_row((), |row| row.get(0))
}

/// Ends every attempt whose consumer fell silent or whose time is over.
///
/// Run by whatever depends on it, in the same transaction: so nothing is settled by an
/// attempt that has ended, nothing stays with a dead worker while another asks, and no
/// count is ever of yesterday. One row is read where nothing can have ended; else the
/// consumers and grants, which are few, and the row is moved on.
pub(super) fn sweep(work: &mut Work<'_>) -> rusqlite::Result<Swept> {
    let mut swept = Swept::default();
    let over = over(work.now);
    if next_end(work)? > over || planted("queue-keeps-the-dead") {
        return Ok(swept);
    }
    let silent: Vec<i64> = work.column("SELECT id FROM queue_consumers WHERE until <= ?1", (over,))?;
    work.execute("DELETE FROM queue_consumers WHERE until <= ?1", (over,))?;
    for mut grant in grant::all(work)? {
        let ended = if silent.contains(&grant.consumer) {
            std::mem::take(&mut grant.held)
        } else {
            let term = grant.term;
            grant.held.extract_if(.., |held| held.until.unwrap_or(term) <= over).collect()
        };
        if ended.is_empty() {
            continue;
        }
        grant.update(work)?;
        for held in &ended {
            swept.lapsed += 1;
            swept.poisoned += u64::from(lapse(work, &grant, held)?);
        }
    }
    work.execute(
        "UPDATE queue_meta SET next_end = min(
            ifnull((SELECT min(until) FROM queue_consumers), 9223372036854775807),
            ifnull((SELECT min(until) FROM queue_grants), 9223372036854775807))",
        (),
    )?;
    // What this freed is not of the job that follows, whose net effect is judged.
    work.flush()?;
    Ok(swept)
}
