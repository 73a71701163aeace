//! Items on their way into topics.

use std::collections::HashMap;

use entourage_engine::sqlite::Tx;
use rusqlite::CachedStatement;

use crate::{
    counts::Counts,
    error::Error,
    item::{Publication, Published, Topic},
    options::TopicOptions,
    sqlite::{
        codec,
        dedupe::Seen,
        fault::Result,
        name,
        place::{Entry, enter, make_all_ready, rank},
        sweep::sweep,
        work::{Work, count, many, span},
    },
};

/// Publishes a batch, whole or not at all.
pub(super) fn publish(
    tx: &Tx<'_>,
    batch: &[Publication],
    new: &TopicOptions,
    counts: &Counts,
) -> Result<Vec<Published>> {
    let mut work = Work::new(tx, tx.now());
    // What has lapsed for the last time leaves room.
    let swept = sweep(&mut work)?;
    let published = add(&mut work, batch, new)?;
    judge_capacity(&mut work)?;
    swept.count(counts);
    Ok(published)
}

/// Adds items, whatever the capacity of their topics.
pub(super) fn add(
    work: &mut Work<'_>,
    batch: &[Publication],
    new: &TopicOptions,
) -> rusqlite::Result<Vec<Published>> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let mut inlets: Vec<Inlet<'_>> = Vec::new();
    let mut named: HashMap<&Topic, usize> = HashMap::new();
    let mut bodies = Bodies::new(work)?;
    let mut published = Vec::with_capacity(batch.len());
    for run in batch.chunk_by(|a, b| a.topic == b.topic && is_plain(a) && is_plain(b)) {
        let topic = &run[0].topic;
        let at = match named.get(topic) {
            Some(at) => *at,
            None => {
                inlets.push(Inlet::open(work, topic, new)?);
                named.insert(topic, inlets.len() - 1);
                inlets.len() - 1
            }
        };
        if run.len() >= MANY && inlets[at].take_all(work, &mut bodies, run)? {
            published.resize(published.len() + run.len(), Published::Accepted);
            continue;
        }
        for publication in run {
            published.push(inlets[at].take(work, &mut bodies, publication)?);
        }
    }
    bodies.flush(work)?;
    inlets.into_iter().try_for_each(|inlet| inlet.seen.flush(work))?;
    Ok(published)
}

/// From how many items on it pays to try them all at once.
const MANY: usize = 4;

/// Whether an item is ready at once, and in nobody's way.
fn is_plain(publication: &Publication) -> bool {
    let Publication { item, delay, .. } = publication;
    item.key().is_none() && item.bundle().is_none() && delay.is_zero()
}

/// Writes the counts, and refuses a topic that has grown beyond its capacity.
///
/// By then the transaction has taken what it settles into account, so that what accepts at
/// least as much as it publishes is never refused.
pub(super) fn judge_capacity(work: &mut Work<'_>) -> Result<()> {
    for topic in work.flush()? {
        let sql = "SELECT name, capacity FROM queue_topics WHERE id = ?1 AND capacity <
            (SELECT live FROM queue_shares WHERE topic = ?1 ORDER BY id LIMIT 1)";
        let over = work.first(sql, (topic,), |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        if let Some((name, capacity)) = over {
            return Err(Error::Full { topic: Topic::from(name), capacity: count(capacity) }.into());
        }
    }
    Ok(())
}

/// Where the bodies of one job go.
struct Bodies<'a> {
    next_seq: i64,
    insert: CachedStatement<'a>,
}

impl<'a> Bodies<'a> {
    fn new(work: &Work<'a>) -> rusqlite::Result<Self> {
        let next_seq = work.prepare("SELECT next_seq FROM queue_meta")?.query_row((), |row| row.get(0))?;
        let insert = work.prepare(
            "INSERT INTO queue_items (seq, topic, shares, priority, published, id, key, bundle, headers, payload)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        Ok(Self { next_seq, insert })
    }

    fn add(
        &mut self,
        work: &Work<'_>,
        topic: i64,
        shares: i64,
        publication: &Publication,
    ) -> rusqlite::Result<i64> {
        let Publication { item, priority, .. } = publication;
        let seq = self.next_seq;
        self.next_seq += 1;
        self.insert.execute((
            seq,
            topic,
            shares,
            priority,
            work.now,
            item.id().as_str(),
            item.key().map(|key| key.as_str()),
            item.bundle().map(|bundle| bundle.as_str()),
            codec::headers(item.headers()),
            &item.payload()[..],
        ))?;
        Ok(seq)
    }

    /// Takes the last bodies back, which nothing refers to yet.
    fn undo(&mut self, work: &Work<'_>, first: i64) -> rusqlite::Result<()> {
        self.next_seq = first;
        work.execute("DELETE FROM queue_items WHERE seq >= ?1", (first,)).map(drop)
    }

    fn flush(self, work: &Work<'_>) -> rusqlite::Result<()> {
        work.execute("UPDATE queue_meta SET next_seq = ?1", (self.next_seq,)).map(drop)
    }
}

/// A topic that items are published to.
struct Inlet<'a> {
    topic: i64,
    shares: Vec<i64>,
    seen: Seen<'a>,
}

impl<'a> Inlet<'a> {
    fn open(work: &Work<'a>, topic: &Topic, new: &TopicOptions) -> rusqlite::Result<Self> {
        let id = match name::topic(work, topic)? {
            Some(id) => id,
            None => name::create(work, topic, new)?,
        };
        let shares = work.column("SELECT id FROM queue_shares WHERE topic = ?1", (id,))?;
        Ok(Self { topic: id, shares, seen: Seen::new(work, id)? })
    }

    fn take(
        &mut self,
        work: &mut Work<'_>,
        bodies: &mut Bodies<'_>,
        publication: &Publication,
    ) -> rusqlite::Result<Published> {
        let Publication { item, priority, delay, .. } = publication;
        if !self.seen.remember(work, item.id().as_str())? {
            return Ok(Published::Duplicate);
        }
        let shares = many(self.shares.len());
        let seq = bodies.add(work, self.topic, shares, publication)?;
        if shares > 1 {
            work.execute("INSERT INTO queue_open (seq, shares) VALUES (?1, ?2)", (seq, shares))?;
        }
        work.live(self.topic, 1);
        let bundle = item.bundle().map(|bundle| bundle.as_str());
        let entry = Entry { seq, rank: rank(*priority), retries: 0, lapses: 0, bundle };
        let key = item.key().map(|key| key.as_str());
        for share in &self.shares {
            enter(work, *share, entry, key, span(*delay))?;
        }
        Ok(Published::Accepted)
    }

    /// Takes plain items if all their ids are new; whether they are.
    ///
    /// What is not a body follows from the bodies, in one statement each.
    fn take_all(
        &mut self,
        work: &mut Work<'_>,
        bodies: &mut Bodies<'_>,
        run: &[Publication],
    ) -> rusqlite::Result<bool> {
        let first = bodies.next_seq;
        let shares = many(self.shares.len());
        for publication in run {
            bodies.add(work, self.topic, shares, publication)?;
        }
        let ids = run.iter().map(|publication| publication.item.id().as_str());
        if !self.seen.remember_all(work, first, ids)? {
            bodies.undo(work, first)?;
            return Ok(false);
        }
        work.live(self.topic, many(run.len()));
        if shares > 1 {
            let sql =
                "INSERT INTO queue_open (seq, shares) SELECT seq, shares FROM queue_items WHERE seq >= ?1";
            work.execute(sql, (first,))?;
        }
        for share in &self.shares {
            make_all_ready(work, *share, first, many(run.len()))?;
        }
        Ok(true)
    }
}
