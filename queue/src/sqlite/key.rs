//! The items of one key: one in flight at a time, in the order of publishing.

use entourage_core::planted;

use crate::sqlite::{
    grant::Held,
    place::{Placed, delay, make_ready, unready},
    work::Work,
};

/// Adds a published item to its key's; whether it is behind another.
pub(super) fn join(work: &Work<'_>, share: i64, key: &str, seq: i64, pause: i64) -> rusqlite::Result<bool> {
    if planted("queue-forgets-key-order") || pause > 0 && planted("queue-delay-forgets-key") {
        return Ok(false);
    }
    let is_behind = head(work, share, key)?.is_some();
    add(work, share, key, seq, pause, false)?;
    Ok(is_behind)
}

/// Lets the next item of the key come forward, now that `seq` is settled.
pub(super) fn pass_on(work: &mut Work<'_>, share: i64, key: &str, seq: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM queue_keys WHERE share = ?1 AND key = ?2 AND seq = ?3";
    if work.execute(sql, (share, key, seq))? == 0 {
        // Only a planted fault leaves an item out of its key's.
        return Ok(());
    }
    come_forward(work, share, key)
}

/// Whether an attempt's item gives way to an older one that was redriven meanwhile. It waits
/// behind that one then.
pub(super) fn gives_way(
    work: &mut Work<'_>,
    share: i64,
    key: &str,
    held: &Held,
    pause: i64,
) -> rusqlite::Result<bool> {
    if pause > 0 && planted("queue-delay-forgets-key") {
        pass_on(work, share, key, held.seq)?;
    }
    if head(work, share, key)?.is_none_or(|head| head >= held.seq) || planted("queue-forgets-key-order") {
        return Ok(false);
    }
    let due = work.after(pause);
    set_aside(work, share, key, held.seq, (due, pause), (held.retries, held.lapses))?;
    work.share(share).waiting += 1;
    come_forward(work, share, key)?;
    Ok(true)
}

/// Adds a redriven item at its old place; whether it is behind another.
pub(super) fn rejoin(work: &mut Work<'_>, share: i64, key: &str, seq: i64) -> rusqlite::Result<bool> {
    let Some(head) = head(work, share, key)? else {
        add(work, share, key, seq, 0, true)?;
        return Ok(false);
    };
    let gave_way = seq < head && make_way(work, share, key, head)?;
    add(work, share, key, seq, 0, true)?;
    Ok(!gave_way)
}

/// Puts the key's first item behind one that is to come before it; not if one is in flight.
fn make_way(work: &mut Work<'_>, share: i64, key: &str, head: i64) -> rusqlite::Result<bool> {
    let ready = work.first(
        "SELECT r.seq, i.priority, r.retries, r.lapses, r.bundle
            FROM queue_items AS i JOIN queue_ready AS r
            ON r.share = ?1 AND r.rank = 255 - i.priority AND r.seq = i.seq WHERE i.seq = ?2",
        (share, head),
        Placed::read,
    )?;
    if let Some(placed) = ready {
        unready(work, share, placed.entry())?;
        let due = work.now;
        set_aside(work, share, key, head, (due, 0), (placed.retries, placed.lapses))?;
        work.share(share).waiting += 1;
        return Ok(true);
    }
    let delayed = work.first(
        "SELECT due, pause, retries, lapses FROM queue_delayed WHERE share = ?1 AND seq = ?2",
        (share, head),
        |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))),
    )?;
    let Some((delay, attempts)) = delayed else { return Ok(false) };
    work.execute("DELETE FROM queue_delayed WHERE share = ?1 AND seq = ?2", (share, head))?;
    set_aside(work, share, key, head, delay, attempts)?;
    Ok(true)
}

/// The key's first item takes its place: none of them is in flight.
fn come_forward(work: &mut Work<'_>, share: i64, key: &str) -> rusqlite::Result<()> {
    let next = work.first(
        "SELECT i.seq, i.priority, k.retries, k.lapses, i.bundle, k.due, k.pause
            FROM queue_keys AS k JOIN queue_items AS i ON i.seq = k.seq
            WHERE k.share = ?1 AND k.key = ?2 ORDER BY k.seq LIMIT 1",
        (share, key),
        |row| Ok((Placed::read(row)?, row.get::<_, i64>(5)?, row.get::<_, i64>(6)?)),
    )?;
    let Some((placed, due, pause)) = next else { return Ok(()) };
    if due > work.now {
        // It goes on waiting, but from now on by the clock.
        work.stir();
        return delay(work, share, placed.entry(), due, pause);
    }
    work.share(share).waiting -= 1;
    make_ready(work, share, placed.entry())
}

fn head(work: &Work<'_>, share: i64, key: &str) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT seq FROM queue_keys WHERE share = ?1 AND key = ?2 ORDER BY seq LIMIT 1";
    work.first(sql, (share, key), |row| row.get(0))
}

fn add(work: &Work<'_>, share: i64, key: &str, seq: i64, pause: i64, redriven: bool) -> rusqlite::Result<()> {
    work.execute(
        "INSERT INTO queue_keys (share, key, seq, due, pause, retries, lapses, redriven)
            VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6)",
        (share, key, seq, work.after(pause), pause, redriven),
    )
    .map(drop)
}

/// Keeps what a place knew of an item while it is behind another.
fn set_aside(
    work: &Work<'_>,
    share: i64,
    key: &str,
    seq: i64,
    (due, pause): (i64, i64),
    (retries, lapses): (u32, u32),
) -> rusqlite::Result<()> {
    work.execute(
        "UPDATE queue_keys SET due = ?4, pause = ?5, retries = ?6, lapses = ?7
            WHERE share = ?1 AND key = ?2 AND seq = ?3",
        (share, key, seq, due, pause, retries, lapses),
    )
    .map(drop)
}
