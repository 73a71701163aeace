//! Where an unsettled item of a share is: ready, delayed, or behind another of its key.

use rusqlite::Row;

use crate::sqlite::{
    key,
    work::{Work, many},
};

/// An item that is to be received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) seq: i64,
    pub(super) rank: i64,
    pub(super) retries: u32,
    pub(super) lapses: u32,
    pub(super) bundle: Option<&'a str>,
}

/// An item as it comes out of a place: what [`Entry`] borrows, it owns.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) seq: i64,
    pub(super) rank: i64,
    pub(super) retries: u32,
    pub(super) lapses: u32,
    pub(super) bundle: Option<String>,
}

impl Placed {
    /// From the columns seq, priority, retries, lapses, bundle.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            rank: rank(row.get(1)?),
            retries: row.get(2)?,
            lapses: row.get(3)?,
            bundle: row.get(4)?,
        })
    }

    /// The item of a body, which has been attempted so often.
    pub(super) fn of(work: &Work<'_>, seq: i64, retries: u32, lapses: u32) -> rusqlite::Result<Self> {
        let sql = "SELECT seq, priority, ?2, ?3, bundle FROM queue_items WHERE seq = ?1";
        work.prepare(sql)?.query_row((seq, retries, lapses), Self::read)
    }

    pub(super) fn entry(&self) -> Entry<'_> {
        let Self { seq, rank, retries, lapses, .. } = *self;
        Entry { seq, rank, retries, lapses, bundle: self.bundle.as_deref() }
    }
}

/// The rank of a priority: what comes first is least.
pub(super) const fn rank(priority: u8) -> i64 {
    255 - priority as i64
}

/// Gives a published item its first place.
pub(super) fn enter(
    work: &mut Work<'_>,
    share: i64,
    entry: Entry<'_>,
    key: Option<&str>,
    pause: i64,
) -> rusqlite::Result<()> {
    if let Some(key) = key
        && key::join(work, share, key, entry.seq, pause)?
    {
        work.share(share).waiting += 1;
        return Ok(());
    }
    if pause > 0 {
        work.share(share).waiting += 1;
        let due = work.after(pause);
        return delay(work, share, entry, due, pause);
    }
    make_ready(work, share, entry)
}

/// Makes ready what has been delayed long enough.
pub(super) fn wake(work: &mut Work<'_>, share: i64) -> rusqlite::Result<()> {
    let mut due = work.prepare(
        "SELECT d.seq, i.priority, d.retries, d.lapses, i.bundle
            FROM queue_delayed AS d JOIN queue_items AS i ON i.seq = d.seq
            WHERE d.share = ?1 AND d.due <= ?2",
    )?;
    let woken: Vec<_> = due.query_map((share, work.now), Placed::read)?.collect::<rusqlite::Result<_>>()?;
    if woken.is_empty() {
        return Ok(());
    }
    work.execute("DELETE FROM queue_delayed WHERE share = ?1 AND due <= ?2", (share, work.now))?;
    for placed in woken {
        work.share(share).waiting -= 1;
        make_ready(work, share, placed.entry())?;
    }
    Ok(())
}

/// Adds an item to the delayed ones; counting it is the caller's.
pub(super) fn delay(
    work: &Work<'_>,
    share: i64,
    entry: Entry<'_>,
    due: i64,
    pause: i64,
) -> rusqlite::Result<()> {
    let Entry { seq, retries, lapses, .. } = entry;
    work.execute(
        "INSERT INTO queue_delayed (share, due, seq, pause, retries, lapses) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (share, due, seq, pause, retries, lapses),
    )
    .map(drop)
}

pub(super) fn make_ready(work: &mut Work<'_>, share: i64, entry: Entry<'_>) -> rusqlite::Result<()> {
    let Entry { seq, rank, retries, lapses, bundle } = entry;
    work.execute(
        "INSERT INTO queue_ready (share, rank, seq, retries, lapses, bundle) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (share, rank, seq, retries, lapses, bundle),
    )?;
    let counts = work.share(share);
    counts.ready += 1;
    let Some(bundle) = bundle else {
        counts.loose += 1;
        return Ok(());
    };
    work.execute(
        "INSERT INTO queue_bundles (share, bundle, ready, rank, seq) VALUES (?1, ?2, 1, ?3, ?4)
            ON CONFLICT (share, bundle) DO UPDATE SET ready = ready + 1,
                rank = iif((excluded.rank, excluded.seq) < (rank, seq), excluded.rank, rank),
                seq = iif((excluded.rank, excluded.seq) < (rank, seq), excluded.seq, seq)",
        (share, bundle, rank, seq),
    )
    .map(drop)
}

/// Makes ready the last `n` items, from `first` on, that are plain.
pub(super) fn make_all_ready(work: &mut Work<'_>, share: i64, first: i64, n: i64) -> rusqlite::Result<()> {
    work.execute(
        "INSERT INTO queue_ready (share, rank, seq, retries, lapses, bundle)
            SELECT ?1, 255 - priority, seq, 0, 0, NULL FROM queue_items WHERE seq >= ?2",
        (share, first),
    )?;
    let counts = work.share(share);
    counts.ready += n;
    counts.loose += n;
    Ok(())
}

/// Takes one item out of the ready ones.
pub(super) fn unready(work: &mut Work<'_>, share: i64, entry: Entry<'_>) -> rusqlite::Result<()> {
    work.execute(
        "DELETE FROM queue_ready WHERE share = ?1 AND rank = ?2 AND seq = ?3",
        (share, entry.rank, entry.seq),
    )?;
    left(work, share, &[entry.bundle])
}

/// Counts items, each of its bundle, out of the ready ones; their rows are gone.
pub(super) fn left(work: &mut Work<'_>, share: i64, bundles: &[Option<&str>]) -> rusqlite::Result<()> {
    let mut bundled: Vec<_> = bundles.iter().flatten().copied().collect();
    let counts = work.share(share);
    counts.ready -= many(bundles.len());
    counts.loose -= many(bundles.len() - bundled.len());
    bundled.sort_unstable();
    for run in bundled.chunk_by(|a, b| a == b) {
        leave_bundle(work, share, run[0], many(run.len()))?;
    }
    Ok(())
}

fn leave_bundle(work: &Work<'_>, share: i64, bundle: &str, n: i64) -> rusqlite::Result<()> {
    let head = work.first(
        "SELECT rank, seq FROM queue_ready WHERE share = ?1 AND bundle = ?2 ORDER BY rank, seq LIMIT 1",
        (share, bundle),
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?;
    match head {
        None => {
            work.execute("DELETE FROM queue_bundles WHERE share = ?1 AND bundle = ?2", (share, bundle))?
        }
        Some((rank, seq)) => work.execute(
            "UPDATE queue_bundles SET ready = ready - ?3, rank = ?4, seq = ?5 WHERE share = ?1 AND bundle = ?2",
            (share, bundle, n, rank, seq),
        )?,
    };
    Ok(())
}
