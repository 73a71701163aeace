//! What was leased, and to whom.

use rusqlite::Row;

use crate::sqlite::{
    codec::{Bytes, put_number},
    work::{Work, number},
};

/// The most attempts that share a row: what one settlement alone has to write again.
pub(super) const MOST: usize = 128;

/// Attempts of one share that were leased together.
///
/// They have epochs from `first` on and share a row, because a row for each would cost more
/// than all else that leasing and settling an item does.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) first: i64,
    pub(super) topic: i64,
    pub(super) share: i64,
    pub(super) consumer: i64,
    pub(super) delivery_limit: u32,
    /// The time limit of its attempts but for those that were renewed.
    pub(super) term: i64,
    /// Those that go on, in the order of their epochs.
    pub(super) held: Vec<Held>,
}

/// An attempt that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) epoch: i64,
    pub(super) seq: i64,
    pub(super) retries: u32,
    pub(super) lapses: u32,
    /// Its own time limit, once it was renewed.
    pub(super) until: Option<i64>,
    pub(super) has_key: bool,
}

impl Held {
    const HAS_KEY: u64 = 1;
    const WAS_TRIED: u64 = 2;
    const WAS_RENEWED: u64 = 4;
    const FLAGS: u32 = 3;
}

impl Grant {
    /// From the columns first, topic, share, consumer, delivery_limit, term, held.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let first = row.get(0)?;
        Ok(Self {
            first,
            topic: row.get(1)?,
            share: row.get(2)?,
            consumer: row.get(3)?,
            delivery_limit: row.get(4)?,
            term: row.get(5)?,
            held: decode(first, row.get_ref(6)?.as_blob()?),
        })
    }

    /// When the first of its attempts runs out of time.
    pub(super) fn until(&self) -> i64 {
        self.held.iter().map(|held| held.until.unwrap_or(self.term)).min().unwrap_or(i64::MAX)
    }

    /// Writes a new grant.
    pub(super) fn insert(&self, work: &mut Work<'_>) -> rusqlite::Result<()> {
        let Self { first, topic, share, consumer, delivery_limit, term, .. } = *self;
        work.ends(self.until());
        work.execute(
            "INSERT INTO queue_grants (first, topic, share, consumer, delivery_limit, term, until, held)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (first, topic, share, consumer, delivery_limit, term, self.until(), encode(first, &self.held)),
        )
        .map(drop)
    }

    /// Writes what goes on after attempts were renewed or taken out.
    pub(super) fn update(&self, work: &mut Work<'_>) -> rusqlite::Result<()> {
        if self.held.is_empty() {
            return work.execute("DELETE FROM queue_grants WHERE first = ?1", (self.first,)).map(drop);
        }
        work.ends(self.until());
        work.execute(
            "UPDATE queue_grants SET until = ?2, held = ?3 WHERE first = ?1",
            (self.first, self.until(), encode(self.first, &self.held)),
        )
        .map(drop)
    }

    /// Where the attempt of an epoch is.
    pub(super) fn place(&self, epoch: i64) -> Option<usize> {
        self.held.binary_search_by_key(&epoch, |held| held.epoch).ok()
    }
}

/// The grant that an epoch belongs to, if the attempt goes on.
pub(super) fn of_epoch(work: &Work<'_>, epoch: i64) -> rusqlite::Result<Option<Grant>> {
    let grant = work.first(
        "SELECT first, topic, share, consumer, delivery_limit, term, held
            FROM queue_grants WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
        (epoch,),
        Grant::read,
    )?;
    Ok(grant.filter(|grant| grant.place(epoch).is_some()))
}

/// Every grant, in the order of their epochs.
pub(super) fn all(work: &Work<'_>) -> rusqlite::Result<Vec<Grant>> {
    let sql =
        "SELECT first, topic, share, consumer, delivery_limit, term, held FROM queue_grants ORDER BY first";
    work.prepare(sql)?.query_map((), Grant::read)?.collect()
}

/// Those of one consumer.
pub(super) fn of_consumer(work: &Work<'_>, consumer: i64) -> rusqlite::Result<Vec<Grant>> {
    let sql = "SELECT first, topic, share, consumer, delivery_limit, term, held
        FROM queue_grants WHERE consumer = ?1 ORDER BY first";
    work.prepare(sql)?.query_map((consumer,), Grant::read)?.collect()
}

/// The attempts as a row has them, each by what is new since the one before.
fn encode(first: i64, held: &[Held]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 * held.len());
    let (mut epoch, mut seq) = (first, 0);
    for one in held {
        let was_tried = one.retries > 0 || one.lapses > 0;
        let flag = |set: bool, flag: u64| if set { flag } else { 0 };
        let flags = flag(one.has_key, Held::HAS_KEY)
            + flag(was_tried, Held::WAS_TRIED)
            + flag(one.until.is_some(), Held::WAS_RENEWED);
        put_number(&mut bytes, (one.epoch - epoch).unsigned_abs() * (1 << Held::FLAGS) + flags);
        put_number(&mut bytes, zigzag(one.seq - seq));
        if was_tried {
            put_number(&mut bytes, u64::from(one.retries));
            put_number(&mut bytes, u64::from(one.lapses));
        }
        if let Some(until) = one.until {
            put_number(&mut bytes, until.unsigned_abs());
        }
        (epoch, seq) = (one.epoch, one.seq);
    }
    bytes
}

fn decode(first: i64, bytes: &[u8]) -> Vec<Held> {
    let mut bytes = Bytes(bytes);
    let mut held = Vec::new();
    let (mut epoch, mut seq) = (first, 0);
    while let (Some(head), Some(step)) = (bytes.number(), bytes.number()) {
        epoch += number(head >> Held::FLAGS);
        seq += unzigzag(step);
        let mut count = || bytes.number().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let was_tried = head & Held::WAS_TRIED != 0;
        let (retries, lapses) = if was_tried { (count(), count()) } else { (0, 0) };
        let was_renewed = head & Held::WAS_RENEWED != 0;
        let until = if was_renewed { bytes.number().map(number) } else { None };
        held.push(Held { epoch, seq, retries, lapses, until, has_key: head & Held::HAS_KEY != 0 });
    }
    held
}

/// Small numbers of either sign as small numbers of none.
const fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)).cast_unsigned()
}

const fn unzigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -((n & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_read_as_they_were_written() {
        let held: Vec<_> = (0..300)
            .map(|n: i64| Held {
                epoch: 70_000 + n * n,
                seq: if n % 3 == 0 { 1 } else { i64::MAX / 4 - n },
                retries: u32::try_from(n % 5).unwrap(),
                lapses: u32::try_from(n % 2).unwrap() * u32::MAX,
                until: (n % 7 == 0).then_some(i64::MAX - n),
                has_key: n % 4 == 0,
            })
            .collect();
        let read = decode(69_999, &encode(69_999, &held));
        assert_eq!(format!("{held:?}"), format!("{read:?}"));
    }

    #[test]
    fn a_hundred_fresh_attempts_take_two_bytes_each() {
        let fresh = |n| Held { epoch: n, seq: 2 * n, retries: 0, lapses: 0, until: None, has_key: false };
        let held: Vec<_> = (5_000..5_100).map(fresh).collect();
        assert!(encode(5_000, &held).len() <= 2 * held.len() + 2);
    }
}
