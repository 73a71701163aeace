//! What becomes of a leased item whose attempt has ended. Its lease row is already gone.

use std::slice;

use entourage_core::planted;

use crate::{
    limits,
    sqlite::{
        grant::{Grant, Held},
        key,
        place::{Placed, delay, make_ready},
        work::{Work, many},
    },
};

/// Done, for these items of one grant.
pub(super) fn accept(work: &mut Work<'_>, grant: &Grant, done: &[Held]) -> rusqlite::Result<()> {
    work.share(grant.share).in_flight -= many(done.len());
    let keys = done.iter().map(|held| key_of(work, held)).collect::<rusqlite::Result<Vec<_>>>()?;
    let mut sequences: Vec<i64> = done.iter().map(|held| held.seq).collect();
    sequences.sort_unstable();
    for run in sequences.chunk_by(|a, b| a + 1 == *b) {
        forget(work, grant, run)?;
    }
    for (held, key) in done.iter().zip(keys) {
        if let Some(key) = key {
            key::pass_on(work, grant.share, &key, held.seq)?;
        }
    }
    Ok(())
}

fn key_of(work: &Work<'_>, held: &Held) -> rusqlite::Result<Option<String>> {
    if !held.has_key {
        return Ok(None);
    }
    work.prepare("SELECT key FROM queue_items WHERE seq = ?1")?.query_row((held.seq,), |row| row.get(0))
}

/// Ready again, or after a pause, at its old place.
pub(super) fn put_back(work: &mut Work<'_>, grant: &Grant, held: &Held, pause: i64) -> rusqlite::Result<()> {
    let share = grant.share;
    work.share(share).in_flight -= 1;
    if let Some(key) = key_of(work, held)?
        && key::gives_way(work, share, &key, held, pause)?
    {
        return Ok(());
    }
    let placed = Placed::of(work, held.seq, held.retries, held.lapses)?;
    if pause > 0 {
        work.share(share).waiting += 1;
        let due = work.after(pause);
        return delay(work, share, placed.entry(), due, pause);
    }
    make_ready(work, share, placed.entry())
}

/// Given up: a dead letter with this reason. `attempts` counts the one that ended.
pub(super) fn bury(
    work: &mut Work<'_>,
    grant: &Grant,
    held: &Held,
    attempts: u32,
    reason: &str,
) -> rusqlite::Result<()> {
    work.execute(
        "INSERT INTO queue_dead (share, seq, priority, attempts, published, reason, id, key, bundle, headers, payload)
            SELECT ?1, seq, priority, ?3, published, ?4, id, key, bundle, headers, payload
            FROM queue_items WHERE seq = ?2",
        (grant.share, held.seq, attempts, limits::reason(reason)),
    )?;
    work.share(grant.share).dead += 1;
    accept(work, grant, slice::from_ref(held))
}

/// The attempt ended without a word: its worker died, or it ran out of time.
pub(super) fn lapse(work: &mut Work<'_>, grant: &Grant, held: &Held) -> rusqlite::Result<bool> {
    let held = &Held { lapses: held.lapses.saturating_add(1), ..*held };
    if planted("queue-drops-on-lapse") {
        return accept(work, grant, slice::from_ref(held)).map(|()| false);
    }
    if held.lapses < grant.delivery_limit || planted("queue-forgets-lapses") {
        return put_back(work, grant, held, 0).map(|()| false);
    }
    let reason = format!("{} deliveries ended without an answer", held.lapses);
    bury(work, grant, held, held.retries.saturating_add(held.lapses), &reason)?;
    Ok(true)
}

/// One share is done with these items of consecutive sequences; the last one's body goes.
fn forget(work: &mut Work<'_>, grant: &Grant, run: &[i64]) -> rusqlite::Result<()> {
    let (first, last) = (run[0], run[run.len() - 1]);
    let mut gone =
        work.execute("DELETE FROM queue_items WHERE seq BETWEEN ?1 AND ?2 AND shares = 1", (first, last))?;
    if gone < run.len() {
        for seq in run {
            gone += usize::from(forget_shared(work, *seq)?);
        }
    }
    work.live(grant.topic, -many(gone));
    Ok(())
}

/// Whether this share was the last of several to be done with the item.
fn forget_shared(work: &Work<'_>, seq: i64) -> rusqlite::Result<bool> {
    let sql = "UPDATE queue_open SET shares = shares - 1 WHERE seq = ?1 AND shares > 1";
    if work.execute(sql, (seq,))? > 0 {
        return Ok(false);
    }
    let is_last = work.execute("DELETE FROM queue_open WHERE seq = ?1", (seq,))? > 0;
    if is_last {
        work.execute("DELETE FROM queue_items WHERE seq = ?1", (seq,))?;
    }
    Ok(is_last)
}
