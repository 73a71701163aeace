//! Who is joined to what, and until when its silence is borne.

use std::sync::atomic::{AtomicUsize, Ordering};

use entourage_core::planted;
use entourage_engine::sqlite::Tx;

use crate::{
    broker::ConsumerId,
    delivery::Receipt,
    item::{Group, Topic},
    options::{SubscribeOptions, TopicOptions},
    sqlite::{
        fault::Result,
        grant::{self, Held},
        name,
        settle::put_back,
        sweep::{Swept, sweep},
        work::{Work, number, span},
    },
};

/// A consumer of this process: what it joined, which no transaction changes.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: i64,
    pub(super) group: i64,
    pub(super) outlets: Vec<Outlet>,
    pub(super) options: SubscribeOptions,
    /// How often it has leased something, so that its topics take turns.
    turns: AtomicUsize,
}

/// One of its topics.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) topic: Topic,
    pub(super) topic_id: i64,
    pub(super) share: i64,
}

impl Member {
    pub(super) fn consumer(&self) -> ConsumerId {
        ConsumerId(self.id.unsigned_abs())
    }

    /// Which of its topics is the first to be taken from.
    pub(super) fn turn(&self) -> usize {
        self.turns.load(Ordering::Relaxed) % self.outlets.len().max(1)
    }

    /// Lets the next topic be the first.
    pub(super) fn next_turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// It has given a sign of life: its leases stand for another lease.
    ///
    /// An expired consumer has no row any more, and no leases; it is registered anew.
    pub(super) fn beat(&self, work: &mut Work<'_>) -> rusqlite::Result<()> {
        let until = work.after(span(self.options.lease));
        work.ends(until);
        work.execute(
            "INSERT INTO queue_consumers (id, until) VALUES (?1, ?2)
                ON CONFLICT (id) DO UPDATE SET until = excluded.until",
            (self.id, until),
        )
        .map(drop)
    }
}

/// Joins a group; none if that takes a new topic, group or share and `new` is not given.
pub(super) fn join(
    tx: &mut Tx<'_>,
    topics: &[Topic],
    group: &Group,
    options: SubscribeOptions,
    new: Option<&TopicOptions>,
) -> Result<Option<Member>> {
    let id = number(tx.epoch());
    let mut work = Work::new(tx, tx.now());
    let group = match (name::group(&work, group)?, new) {
        (Some(id), _) => id,
        (None, Some(_)) => name::create_group(&work, group)?,
        (None, None) => return Ok(None),
    };
    let mut outlets = Vec::with_capacity(topics.len());
    for topic in topics {
        let topic_id = match (name::topic(&work, topic)?, new) {
            (Some(id), _) => id,
            (None, Some(new)) => name::create(&work, topic, new)?,
            (None, None) => return Ok(None),
        };
        let share = match (name::share(&work, topic_id, group)?, new) {
            (Some(share), _) => share,
            (None, Some(_)) => name::join(&work, topic_id, group)?,
            (None, None) => return Ok(None),
        };
        outlets.push(Outlet { topic: topic.clone(), topic_id, share });
    }
    let member = Member { id, group, outlets, options, turns: AtomicUsize::new(0) };
    member.beat(&mut work)?;
    work.flush()?;
    Ok(Some(member))
}

/// Keeps a consumer's leases, and ends what has lapsed anywhere.
pub(super) fn beat(tx: &mut Tx<'_>, member: &Member) -> Result<Swept> {
    let mut work = Work::new(tx, tx.now());
    let swept = sweep(&mut work)?;
    member.beat(&mut work)?;
    work.flush()?;
    Ok(swept)
}

/// Gives back everything a consumer holds, no attempt burnt, and forgets it; how much that was.
pub(super) fn leave(tx: &mut Tx<'_>, consumer: i64) -> Result<(u64, Swept)> {
    let mut work = Work::new(tx, tx.now());
    let swept = sweep(&mut work)?;
    let mut released = 0;
    for mut grant in grant::of_consumer(&work, consumer)? {
        let held = std::mem::take(&mut grant.held);
        released += held.len() as u64;
        grant.update(&mut work)?;
        for held in held {
            put_back(&mut work, &grant, &interrupted(held), 0)?;
        }
    }
    work.execute("DELETE FROM queue_consumers WHERE id = ?1", (consumer,))?;
    work.flush()?;
    Ok((released, swept))
}

/// Gives attempts back, none burnt; those that have ended are ignored. How many had not.
pub(super) fn give_back(tx: &mut Tx<'_>, consumer: i64, receipts: &[Receipt]) -> Result<(u64, Swept)> {
    let mut work = Work::new(tx, tx.now());
    let swept = sweep(&mut work)?;
    let mut released = 0;
    for receipt in receipts {
        let (epoch, seq) = (number(receipt.epoch), number(receipt.sequence));
        let Some(mut grant) = grant::of_epoch(&work, epoch)?.filter(|grant| grant.consumer == consumer)
        else {
            continue;
        };
        let Some(at) = grant.place(epoch).filter(|at| grant.held[*at].seq == seq) else { continue };
        let held = grant.held.remove(at);
        grant.update(&mut work)?;
        released += 1;
        put_back(&mut work, &grant, &interrupted(held), 0)?;
    }
    work.flush()?;
    Ok((released, swept))
}

/// The attempt as it is remembered when it was given back: as if it had never begun.
fn interrupted(held: Held) -> Held {
    let counted = u32::from(planted("queue-counts-release"));
    Held { retries: held.retries.saturating_add(counted), ..held }
}
