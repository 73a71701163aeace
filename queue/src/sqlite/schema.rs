//! The queue's tables, and what a reboot does to them.

use entourage_core::Moment;
use entourage_engine::sqlite::Schema;
use rusqlite::Connection;

use crate::sqlite::{grant, settle::put_back, work::Work};

/// What [`SqliteQueue`](crate::SqliteQueue) keeps in its file.
///
/// Bodies, what is ready, and what is leased have a table each: an item's payload is written
/// once and deleted once, and what moves are narrow rows at the ends of their trees.
pub(super) const SCHEMA: Schema =
    Schema { name: "queue", version: 1, create: include_str!("schema.sql"), rebooted };

/// Ends what the loss of power ended.
///
/// Whoever held a lease is dead, and its item is ready again. That is an interruption and
/// burns no attempt: the power took the worker, not the item its worker. Delays and windows
/// start again in full, because moments of the old boot have no place in this one.
fn rebooted(conn: &Connection, now: Moment) -> rusqlite::Result<()> {
    let mut work = Work::new(conn, now);
    let moment = (work.now,);
    // A pause may be "for ever", so the sum is bounded before it is made.
    work.execute("UPDATE queue_delayed SET due = min(pause, 9223372036854775807 - ?1) + ?1", moment)?;
    work.execute("UPDATE queue_keys SET due = min(pause, 9223372036854775807 - ?1) + ?1", moment)?;
    for mut grant in grant::all(&work)? {
        let held = std::mem::take(&mut grant.held);
        grant.update(&mut work)?;
        for held in &held {
            put_back(&mut work, &grant, held, 0)?;
        }
    }
    work.execute("DELETE FROM queue_consumers", ())?;
    work.execute("UPDATE queue_seen_log SET at = ?1", moment)?;
    work.execute("UPDATE queue_steps SET at = ?1", moment)?;
    work.execute("UPDATE queue_attempts SET at = ?1", moment)?;
    // Ages start again too; one mark spares the rewriting of every body.
    work.execute(
        "UPDATE queue_meta SET rebooted_at = ?1, rebooted_before = next_seq, next_end = 9223372036854775807",
        moment,
    )?;
    work.flush()?;
    Ok(())
}
