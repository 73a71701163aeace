//! Topics, groups and shares by name. None of them is ever deleted.

use crate::{
    item::{Group, Topic},
    options::TopicOptions,
    sqlite::work::{Work, number, span},
};

/// A topic's id.
pub(super) fn topic(work: &Work<'_>, topic: &Topic) -> rusqlite::Result<Option<i64>> {
    work.first("SELECT id FROM queue_topics WHERE name = ?1", (topic.as_str(),), |row| row.get(0))
}

/// Sets how a topic is kept, and creates it if need be.
pub(super) fn configure(work: &mut Work<'_>, topic: &Topic, options: &TopicOptions) -> rusqlite::Result<()> {
    let id = match self::topic(work, topic)? {
        Some(id) => id,
        None => create(work, topic, options)?,
    };
    let (window, ids) = (span(options.dedupe_window), number(options.dedupe_ids));
    work.execute(
        "UPDATE queue_topics SET capacity = ?2, dedupe_window = ?3, dedupe_ids = ?4 WHERE id = ?1",
        (id, number(options.capacity), window, ids),
    )?;
    // There may be room now.
    work.stir();
    Ok(())
}

/// A new topic. The share of its first group is there before the group: it takes the backlog.
pub(super) fn create(work: &Work<'_>, topic: &Topic, options: &TopicOptions) -> rusqlite::Result<i64> {
    let TopicOptions { capacity, dedupe_window, dedupe_ids } = *options;
    work.execute(
        "INSERT INTO queue_topics (name, capacity, dedupe_window, dedupe_ids) VALUES (?1, ?2, ?3, ?4)",
        (topic.as_str(), number(capacity), span(dedupe_window), number(dedupe_ids)),
    )?;
    let id = work.conn.last_insert_rowid();
    add_share(work, id, None)?;
    Ok(id)
}

/// A group's id.
pub(super) fn group(work: &Work<'_>, group: &Group) -> rusqlite::Result<Option<i64>> {
    work.first("SELECT id FROM queue_groups WHERE name = ?1", (group.as_str(),), |row| row.get(0))
}

/// A new group.
pub(super) fn create_group(work: &Work<'_>, group: &Group) -> rusqlite::Result<i64> {
    work.execute("INSERT INTO queue_groups (name) VALUES (?1)", (group.as_str(),))?;
    Ok(work.conn.last_insert_rowid())
}

/// The share of a topic and group, if the group has joined.
pub(super) fn share(work: &Work<'_>, topic: i64, group: i64) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM queue_shares WHERE topic = ?1 AND grp = ?2";
    work.first(sql, (topic, group), |row| row.get(0))
}

/// The share of a topic and group, or the one that the group would take over.
pub(super) fn share_by_name(work: &Work<'_>, topic: &Topic, group: &Group) -> rusqlite::Result<Option<i64>> {
    work.first(
        "SELECT s.id FROM queue_topics AS t JOIN queue_shares AS s ON s.topic = t.id
            WHERE t.name = ?1 AND (s.grp IS NULL OR s.grp = (SELECT id FROM queue_groups WHERE name = ?2))",
        (topic.as_str(), group.as_str()),
        |row| row.get(0),
    )
}

/// A new share: the topic's first, with its backlog, or one that begins now.
pub(super) fn join(work: &Work<'_>, topic: i64, group: i64) -> rusqlite::Result<i64> {
    let claim = "UPDATE queue_shares SET grp = ?2 WHERE topic = ?1 AND grp IS NULL";
    if work.execute(claim, (topic, group))? > 0
        && let Some(share) = share(work, topic, group)?
    {
        return Ok(share);
    }
    add_share(work, topic, Some(group))
}

fn add_share(work: &Work<'_>, topic: i64, group: Option<i64>) -> rusqlite::Result<i64> {
    work.execute("INSERT INTO queue_shares (topic, grp) VALUES (?1, ?2)", (topic, group))?;
    Ok(work.conn.last_insert_rowid())
}
