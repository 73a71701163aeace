//! Ready items on their way to a consumer.

use std::ops::Range;

use bytes::Bytes;
use entourage_core::{Moment, planted};
use entourage_engine::sqlite::Tx;
use rusqlite::Row;

use crate::{
    ask::Ask,
    broker::{Leased, LeasedItem},
    delivery::Receipt,
    item::{Bundle, Item, ItemId, Key},
    sqlite::{
        codec,
        consumer::{Member, Outlet},
        fault::Result,
        grant::{self, Grant, Held},
        place::{left, wake},
        sweep::{Swept, next_end, sweep},
        work::{Work, count, many, number, span},
    },
};

/// A ready item that is to be leased.
struct Pick {
    rank: i64,
    seq: i64,
    retries: u32,
    lapses: u32,
    item: Item,
}

/// What is taken of one topic.
struct Haul<'a> {
    outlet: &'a Outlet,
    picks: Vec<Pick>,
    /// Whether nothing ready comes before the last of them.
    is_front: bool,
}

/// Leases what is asked for, or nothing; and it is a sign of life.
pub(super) fn lease(tx: &mut Tx<'_>, member: &Member, ask: &Ask) -> Result<(Leased, Swept)> {
    let now = tx.now();
    let mut work = Work::new(tx, now);
    let swept = sweep(&mut work)?;
    member.beat(&mut work)?;
    for outlet in &member.outlets {
        wake(&mut work, outlet.share)?;
    }
    work.flush()?;
    let hauls = pick(&work, member, ask)?;
    let found: usize = hauls.iter().map(|haul| haul.picks.len()).sum();
    if found == 0 {
        let leased = Leased { items: Vec::new(), next_due: next_due(&work, member)? };
        return Ok((leased, swept));
    }
    let counts = work.suspend();
    let mut epochs = tx.epochs(found as u64);
    let mut work = Work::resume(tx, now, counts);
    let mut items = Vec::with_capacity(found);
    for haul in hauls {
        take_out(&mut work, &haul)?;
        let after = epochs.start + haul.picks.len() as u64;
        grant(&mut work, member, &haul, epochs.start..after)?;
        let receipts = (epochs.start..after).zip(haul.picks);
        items.extend(receipts.map(|(epoch, pick)| LeasedItem {
            topic: haul.outlet.topic.clone(),
            receipt: Receipt { sequence: count(pick.seq), epoch },
            item: pick.item,
            retries: pick.retries,
            lapses: pick.lapses,
        }));
        epochs.start = after;
    }
    work.flush()?;
    member.next_turn();
    Ok((Leased { items, next_due: None }, swept))
}

/// Finds at least as much as is asked for, or nothing; the topics take turns to be first.
fn pick<'a>(work: &Work<'_>, member: &'a Member, ask: &Ask) -> rusqlite::Result<Vec<Haul<'a>>> {
    let (before, from) = member.outlets.split_at(member.turn());
    let mut outlets = from.iter().chain(before);
    let fewest = if planted("queue-forgets-the-fewest") { 1 } else { ask.at_least };
    if ask.same_bundle {
        for outlet in outlets {
            if let Some(bundle) = sufficient_bundle(work, outlet.share, fewest)? {
                let picks = match &bundle {
                    Some(bundle) => of_bundle(work, outlet.share, bundle, ask)?,
                    None => loose(work, outlet.share, ask)?,
                };
                return Ok(vec![Haul { outlet, picks, is_front: false }]);
            }
        }
        return Ok(Vec::new());
    }
    if fewest > 1 {
        let mut ready = 0;
        for outlet in &member.outlets {
            ready += counted(work, outlet.share)?.0;
        }
        if ready < many(fewest) {
            return Ok(Vec::new());
        }
    }
    let mut room = Room::of(ask);
    let mut hauls = Vec::new();
    while room.is_left()
        && let Some(outlet) = outlets.next()
    {
        let sql = "SELECT r.rank, r.seq, r.retries, r.lapses, i.id, i.key, i.bundle, i.headers, i.payload
            FROM queue_ready AS r CROSS JOIN queue_items AS i ON i.seq = r.seq
            WHERE r.share = ?1 ORDER BY r.rank, r.seq";
        let mut statement = work.prepare(sql)?;
        let picks = room.fill(statement.query((outlet.share,))?)?;
        if !picks.is_empty() {
            hauls.push(Haul { outlet, picks, is_front: true });
        }
    }
    Ok(hauls)
}

/// The bundle of at least so many ready items whose first comes first; `Some(None)` is that
/// of the items without a bundle.
fn sufficient_bundle(
    work: &Work<'_>,
    share: i64,
    at_least: usize,
) -> rusqlite::Result<Option<Option<String>>> {
    if at_least <= 1 {
        let sql = "SELECT bundle FROM queue_ready WHERE share = ?1 ORDER BY rank, seq LIMIT 1";
        return work.first(sql, (share,), |row| row.get(0));
    }
    let bundled = work.first(
        "SELECT rank, seq, bundle FROM queue_bundles
            WHERE share = ?1 AND ready >= 2 AND ready >= ?2 ORDER BY rank, seq LIMIT 1",
        (share, many(at_least)),
        |row| Ok(((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?), row.get(2)?)),
    )?;
    if counted(work, share)?.1 < many(at_least) {
        return Ok(bundled.map(|(_, bundle)| bundle));
    }
    let loose = work.first(
        "SELECT rank, seq FROM queue_ready WHERE share = ?1 AND bundle IS NULL ORDER BY rank, seq LIMIT 1",
        (share,),
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?;
    Ok(match (bundled, loose) {
        (Some((head, bundle)), Some(loose)) if head < loose => Some(bundle),
        (_, Some(_)) => Some(None),
        (bundled, None) => bundled.map(|(_, bundle)| bundle),
    })
}

fn of_bundle(work: &Work<'_>, share: i64, bundle: &str, ask: &Ask) -> rusqlite::Result<Vec<Pick>> {
    let sql = "SELECT r.rank, r.seq, r.retries, r.lapses, i.id, i.key, i.bundle, i.headers, i.payload
        FROM queue_ready AS r CROSS JOIN queue_items AS i ON i.seq = r.seq
        WHERE r.share = ?1 AND r.bundle = ?2 ORDER BY r.rank, r.seq";
    Room::of(ask).fill(work.prepare(sql)?.query((share, bundle))?)
}

fn loose(work: &Work<'_>, share: i64, ask: &Ask) -> rusqlite::Result<Vec<Pick>> {
    let sql = "SELECT r.rank, r.seq, r.retries, r.lapses, i.id, i.key, i.bundle, i.headers, i.payload
        FROM queue_ready AS r CROSS JOIN queue_items AS i ON i.seq = r.seq
        WHERE r.share = ?1 AND r.bundle IS NULL ORDER BY r.rank, r.seq";
    Room::of(ask).fill(work.prepare(sql)?.query((share,))?)
}

/// Ready items of a share, and how many of them have no bundle.
fn counted(work: &Work<'_>, share: i64) -> rusqlite::Result<(i64, i64)> {
    let sql = "SELECT ready, loose FROM queue_shares WHERE id = ?1";
    work.prepare(sql)?.query_row((share,), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// How much more an ask takes.
///
/// The statements that fill it have no LIMIT: rows that nobody steps to cost nothing.
struct Room {
    items: usize,
    at_least: usize,
    bytes: usize,
}

impl Room {
    const fn of(ask: &Ask) -> Self {
        Self { items: ask.max, at_least: ask.at_least, bytes: ask.max_bytes }
    }

    const fn is_left(&self) -> bool {
        self.items > 0 && (self.at_least > 0 || self.bytes > 0)
    }

    fn fill(&mut self, mut rows: rusqlite::Rows<'_>) -> rusqlite::Result<Vec<Pick>> {
        let mut picks = Vec::new();
        while self.is_left()
            && let Some(row) = rows.next()?
        {
            let pick = Pick::read(row)?;
            self.items -= 1;
            self.at_least = self.at_least.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(pick.item.payload().len());
            picks.push(pick);
        }
        Ok(picks)
    }
}

impl Pick {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            rank: row.get(0)?,
            seq: row.get(1)?,
            retries: row.get(2)?,
            lapses: row.get(3)?,
            item: read_item(row, 4)?,
        })
    }

    const fn held(&self, epoch: i64) -> Held {
        let Self { seq, retries, lapses, .. } = *self;
        Held { epoch, seq, retries, lapses, until: None, has_key: self.item.key().is_some() }
    }
}

/// An item from the columns id, key, bundle, headers, payload, from column `at` on.
pub(super) fn read_item(row: &Row<'_>, at: usize) -> rusqlite::Result<Item> {
    let payload = Bytes::copy_from_slice(row.get_ref(at + 4)?.as_blob()?);
    let mut item = Item::new(ItemId::from(row.get_ref(at)?.as_str()?), payload);
    if let Some(key) = row.get_ref(at + 1)?.as_str_or_null()? {
        item = item.with_key(Key::from(key));
    }
    if let Some(bundle) = row.get_ref(at + 2)?.as_str_or_null()? {
        item = item.with_bundle(Bundle::from(bundle));
    }
    if let Some(headers) = row.get_ref(at + 3)?.as_blob_or_null()? {
        item = item.with_headers(codec::read_headers(headers));
    }
    Ok(item)
}

/// Takes items out of the ready ones: those at the front with one deletion a rank.
fn take_out(work: &mut Work<'_>, haul: &Haul<'_>) -> rusqlite::Result<()> {
    let share = haul.outlet.share;
    for same in haul.picks.chunk_by(|a, b| a.rank == b.rank) {
        let (rank, last) = (same[0].rank, same[same.len() - 1].seq);
        if haul.is_front {
            let sql = "DELETE FROM queue_ready WHERE share = ?1 AND rank = ?2 AND seq <= ?3";
            work.execute(sql, (share, rank, last))?;
            continue;
        }
        let mut delete =
            work.prepare("DELETE FROM queue_ready WHERE share = ?1 AND rank = ?2 AND seq = ?3")?;
        for pick in same {
            delete.execute((share, rank, pick.seq))?;
        }
    }
    let bundles: Vec<_> =
        haul.picks.iter().map(|pick| pick.item.bundle().map(|bundle| bundle.as_str())).collect();
    left(work, share, &bundles)
}

/// Leases what was taken out, an epoch each.
fn grant(work: &mut Work<'_>, member: &Member, haul: &Haul<'_>, epochs: Range<u64>) -> rusqlite::Result<()> {
    let Outlet { topic_id, share, .. } = *haul.outlet;
    work.share(share).in_flight += many(haul.picks.len());
    let mut epochs = epochs.map(number);
    for picks in haul.picks.chunks(grant::MOST) {
        let held: Vec<Held> = picks.iter().zip(&mut epochs).map(|(pick, epoch)| pick.held(epoch)).collect();
        let grant = Grant {
            first: held[0].epoch,
            topic: topic_id,
            share,
            consumer: member.id,
            delivery_limit: member.options.delivery_limit,
            term: work.after(span(member.options.time_limit)),
            held,
        };
        grant.insert(work)?;
    }
    Ok(())
}

/// When something may become ready by the passing of time alone: a delay is over, a time
/// limit is, or a consumer has been silent for too long.
fn next_due(work: &Work<'_>, member: &Member) -> rusqlite::Result<Option<Moment>> {
    let mut next = next_end(work)?;
    for outlet in &member.outlets {
        let sql = "SELECT due FROM queue_delayed WHERE share = ?1 ORDER BY due LIMIT 1";
        let due = work.first(sql, (outlet.share,), |row| row.get(0))?;
        next = next.min(due.unwrap_or(i64::MAX));
    }
    Ok((next < i64::MAX).then(|| Moment::from_nanos(count(next))))
}
