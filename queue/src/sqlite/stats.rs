//! Four exact counts, and the oldest age.

use std::time::Duration;

use entourage_core::{Moment, planted};

use crate::{
    item::{Group, Topic},
    sqlite::{
        grant, name,
        place::wake,
        sweep::{Swept, next_end, over, sweep},
        work::{Work, count, number},
    },
    stats::Stats,
};

/// The counts of a share, if nothing is overdue that would change them first.
///
/// So a snapshot without the writer's lock is enough for nearly every question.
pub(super) fn at_rest(work: &Work<'_>, topic: &Topic, group: &Group) -> rusqlite::Result<Option<Stats>> {
    let Some(share) = name::share_by_name(work, topic, group)? else { return Ok(Some(Stats::default())) };
    if is_overdue(work, share)? { Ok(None) } else { read(work, share).map(Some) }
}

/// The counts of a share, after what is overdue has happened.
pub(super) fn swept(work: &mut Work<'_>, topic: &Topic, group: &Group) -> rusqlite::Result<(Stats, Swept)> {
    let swept = sweep(work)?;
    let Some(share) = name::share_by_name(work, topic, group)? else { return Ok((Stats::default(), swept)) };
    wake(work, share)?;
    work.flush()?;
    Ok((read(work, share)?, swept))
}

/// Whether a lease may have ended anywhere, or a delay of this share, and nobody has swept yet.
pub(super) fn is_overdue(work: &Work<'_>, share: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT (SELECT next_end FROM queue_meta) <= ?2
        OR EXISTS (SELECT 1 FROM queue_delayed WHERE share = ?1 AND due <= ?3)";
    work.prepare(sql)?.query_row((share, over(work.now), work.now), |row| row.get(0))
}

fn read(work: &Work<'_>, share: i64) -> rusqlite::Result<Stats> {
    let sql = "SELECT ready, waiting, in_flight, dead FROM queue_shares WHERE id = ?1";
    let mut stats = work.prepare(sql)?.query_row((share,), |row| {
        Ok(Stats {
            ready: count(row.get(0)?),
            waiting: count(row.get(1)?),
            in_flight: count(row.get(2)?),
            dead: count(row.get(3)?),
            oldest: None,
        })
    })?;
    if planted("queue-counts-what-waits-as-ready") {
        stats.ready += std::mem::take(&mut stats.waiting);
    }
    if stats.unsettled() > 0
        && let Some(seq) = oldest(work, share)?
    {
        stats.oldest = Some(age(work, seq)?);
    }
    Ok(stats)
}

/// The unsettled item that was published first, by a few steps into an index a place.
fn oldest(work: &Work<'_>, share: i64) -> rusqlite::Result<Option<i64>> {
    let delayed: Option<i64> =
        work.first("SELECT seq FROM queue_delayed WHERE share = ?1 ORDER BY seq LIMIT 1", (share,), |row| {
            row.get(0)
        })?;
    // Who is behind another of its key was published after it, unless it was redriven.
    let redriven = work.first(
        "SELECT seq FROM queue_keys WHERE share = ?1 AND redriven ORDER BY seq LIMIT 1",
        (share,),
        |row| row.get(0),
    )?;
    let mut oldest = [delayed, redriven].into_iter().flatten().min();
    let mut earlier = |seq: i64| oldest = Some(oldest.map_or(seq, |oldest| oldest.min(seq)));
    // There are at most 256 ranks.
    let sql = "SELECT rank, seq FROM queue_ready WHERE share = ?1 AND rank > ?2 ORDER BY rank, seq LIMIT 1";
    let mut rank = -1;
    while let Some((next, seq)) =
        work.first(sql, (share, rank), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?
    {
        earlier(seq);
        rank = next;
    }
    leased(work, share, oldest)
}

/// The oldest of an item and those that are leased.
fn leased(work: &Work<'_>, share: i64, oldest: Option<i64>) -> rusqlite::Result<Option<i64>> {
    let grants = grant::all(work)?;
    let held = grants.iter().filter(|grant| grant.share == share).flat_map(|grant| &grant.held);
    Ok(held.map(|held| held.seq).chain(oldest).min())
}

fn age(work: &Work<'_>, seq: i64) -> rusqlite::Result<Duration> {
    let sql = "SELECT iif(i.seq < m.rebooted_before, max(m.rebooted_at, 0), i.published)
        FROM queue_items AS i, queue_meta AS m WHERE i.seq = ?1";
    let published: i64 = work.prepare(sql)?.query_row((seq,), |row| row.get(0))?;
    Ok(Duration::from_nanos(count(work.now.saturating_sub(published))))
}

/// Whether a topic has room.
#[derive(Clone, Copy, Debug)]
pub(super) enum Room {
    Now,
    /// Not before something happens, or this moment comes.
    From(Moment),
}

/// Whether a topic has room, if nothing is overdue that would make some first.
pub(super) fn room_at_rest(work: &Work<'_>, topic: &Topic, items: u64) -> rusqlite::Result<Option<Room>> {
    let room = room(work, topic, items)?;
    let is_overdue = || next_end(work).map(|end| end <= over(work.now));
    Ok(if matches!(room, Room::From(_)) && is_overdue()? { None } else { Some(room) })
}

/// Whether a topic has room, after what is overdue has happened.
pub(super) fn room_swept(work: &mut Work<'_>, topic: &Topic, items: u64) -> rusqlite::Result<(Room, Swept)> {
    let swept = sweep(work)?;
    work.flush()?;
    Ok((room(work, topic, items)?, swept))
}

fn room(work: &Work<'_>, topic: &Topic, items: u64) -> rusqlite::Result<Room> {
    let sql = "SELECT s.live = 0 OR s.live <= t.capacity - ?2
        FROM queue_topics AS t JOIN queue_shares AS s ON s.topic = t.id WHERE t.name = ?1 ORDER BY s.id LIMIT 1";
    let has_room = work.first(sql, (topic.as_str(), number(items)), |row| row.get(0))?;
    if has_room.unwrap_or(true) {
        return Ok(Room::Now);
    }
    let end = next_end(work)?;
    Ok(Room::From(if end < i64::MAX { Moment::from_nanos(count(end)) } else { Moment::NEVER }))
}
