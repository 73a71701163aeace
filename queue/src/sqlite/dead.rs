//! Items that were given up, and their return.

use entourage_engine::sqlite::Tx;
use rusqlite::Row;

use crate::{
    item::{Group, Topic},
    sqlite::{
        fault::Result,
        key,
        lease::read_item,
        name,
        place::{Placed, make_ready},
        publish::judge_capacity,
        stats::is_overdue,
        sweep::{Swept, sweep},
        work::Work,
    },
    stats::{Dead, Redrive},
};

/// Up to `limit` dead letters, oldest first, if nothing is overdue that may become one first.
pub(super) fn at_rest(
    work: &Work<'_>,
    topic: &Topic,
    group: &Group,
    limit: usize,
) -> rusqlite::Result<Option<Vec<Dead>>> {
    let Some(share) = name::share_by_name(work, topic, group)? else { return Ok(Some(Vec::new())) };
    if is_overdue(work, share)? { Ok(None) } else { read(work, share, limit).map(Some) }
}

/// Up to `limit` dead letters, oldest first, after what is overdue has happened.
pub(super) fn swept(
    work: &mut Work<'_>,
    topic: &Topic,
    group: &Group,
    limit: usize,
) -> rusqlite::Result<(Vec<Dead>, Swept)> {
    let swept = sweep(work)?;
    work.flush()?;
    let share = name::share_by_name(work, topic, group)?;
    let dead = share.map_or_else(|| Ok(Vec::new()), |share| read(work, share, limit))?;
    Ok((dead, swept))
}

fn read(work: &Work<'_>, share: i64, limit: usize) -> rusqlite::Result<Vec<Dead>> {
    let sql = "SELECT attempts, reason, id, key, bundle, headers, payload
        FROM queue_dead WHERE share = ?1 ORDER BY seq";
    let dead =
        |row: &Row<'_>| Ok(Dead { attempts: row.get(0)?, reason: row.get(1)?, item: read_item(row, 2)? });
    work.prepare(sql)?.query_map((share,), dead)?.take(limit).collect()
}

/// Makes dead letters ready again, at their old places, with their attempts forgotten.
pub(super) fn redrive(tx: &Tx<'_>, topic: &Topic, group: &Group, which: &Redrive) -> Result<(u64, Swept)> {
    let mut work = Work::new(tx, tx.now());
    let swept = sweep(&mut work)?;
    let Some(share) = name::share_by_name(&work, topic, group)? else {
        work.flush()?;
        return Ok((0, swept));
    };
    let mut letters: Vec<i64> = match which {
        Redrive::All => work.column("SELECT seq FROM queue_dead WHERE share = ?1", (share,))?,
        Redrive::Only(ids) => {
            let mut letters = Vec::new();
            for id in ids {
                let sql = "SELECT seq FROM queue_dead WHERE share = ?1 AND id = ?2";
                letters.extend(work.column::<i64>(sql, (share, id.as_str()))?);
            }
            letters
        }
    };
    letters.sort_unstable();
    letters.dedup();
    for seq in &letters {
        revive(&mut work, share, *seq)?;
    }
    judge_capacity(&mut work)?;
    Ok((letters.len() as u64, swept))
}

fn revive(work: &mut Work<'_>, share: i64, seq: i64) -> rusqlite::Result<()> {
    restore(work, share, seq)?;
    work.execute("DELETE FROM queue_dead WHERE share = ?1 AND seq = ?2", (share, seq))?;
    work.share(share).dead -= 1;
    let key = "SELECT key FROM queue_items WHERE seq = ?1";
    let key: Option<String> = work.prepare(key)?.query_row((seq,), |row| row.get(0))?;
    if let Some(key) = key
        && key::rejoin(work, share, &key, seq)?
    {
        work.share(share).waiting += 1;
        return Ok(());
    }
    let placed = Placed::of(work, seq, 0, 0)?;
    make_ready(work, share, placed.entry())
}

/// Puts a letter's body back, or counts its share in again where others still have it.
fn restore(work: &mut Work<'_>, share: i64, seq: i64) -> rusqlite::Result<()> {
    let sql = "SELECT topic, shares FROM queue_items WHERE seq = ?1";
    let body = work.first(sql, (seq,), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    match body {
        None => {
            work.execute(
                "INSERT INTO queue_items
                    (seq, topic, shares, priority, published, id, key, bundle, headers, payload)
                    SELECT d.seq, s.topic, 1, d.priority, d.published, d.id, d.key, d.bundle, d.headers, d.payload
                    FROM queue_dead AS d JOIN queue_shares AS s ON s.id = d.share
                    WHERE d.share = ?1 AND d.seq = ?2",
                (share, seq),
            )?;
            let sql = "SELECT topic FROM queue_items WHERE seq = ?1";
            let topic = work.prepare(sql)?.query_row((seq,), |row| row.get(0))?;
            work.live(topic, 1);
        }
        Some((_, 1)) => {
            work.execute("UPDATE queue_items SET shares = 2 WHERE seq = ?1", (seq,))?;
            work.execute("INSERT INTO queue_open (seq, shares) VALUES (?1, 2)", (seq,))?;
        }
        Some(_) => {
            work.execute("UPDATE queue_open SET shares = shares + 1 WHERE seq = ?1", (seq,))?;
        }
    }
    Ok(())
}
