//! Whether the tables agree with one another.

use entourage_core::Moment;
use rusqlite::Connection;

use crate::{
    SqliteQueue,
    sqlite::{
        fault::Fault,
        grant::{self, Grant, Held},
        work::Work,
    },
};

/// What must be zero, whatever was done.
const RULES: &[(&str, &str)] = &[
    ("ready is counted", "SELECT count(*) FROM queue_shares AS s WHERE ready <> (SELECT count(*) FROM queue_ready AS r WHERE r.share = s.id)"),
    ("loose is counted", "SELECT count(*) FROM queue_shares AS s WHERE loose <> (SELECT count(*) FROM queue_ready AS r WHERE r.share = s.id AND bundle IS NULL)"),
    ("leases are counted", "SELECT count(*) FROM queue_shares AS s WHERE in_flight <> (SELECT count(*) FROM leases AS l WHERE l.share = s.id)"),
    ("the dead are counted", "SELECT count(*) FROM queue_shares AS s WHERE dead <> (SELECT count(*) FROM queue_dead AS d WHERE d.share = s.id)"),
    ("waiting is counted", "SELECT count(*) FROM queue_shares AS s WHERE waiting <>
        (SELECT count(*) FROM queue_delayed AS d WHERE d.share = s.id)
        + (SELECT count(*) FROM queue_keys AS k WHERE k.share = s.id
            AND NOT EXISTS (SELECT 1 FROM queue_delayed AS d WHERE d.share = s.id AND d.seq = k.seq)
            AND NOT EXISTS (SELECT 1 FROM queue_ready AS r WHERE r.share = s.id AND r.seq = k.seq)
            AND NOT EXISTS (SELECT 1 FROM leases AS l WHERE l.share = s.id AND l.seq = k.seq))"),
    ("bodies are live", "SELECT count(*) FROM queue_topics AS t WHERE (SELECT live FROM queue_shares AS s WHERE s.topic = t.id ORDER BY s.id LIMIT 1) <> (SELECT count(*) FROM queue_items AS i WHERE i.topic = t.id)"),
    ("shares add up", "SELECT count(*) FROM queue_items AS i WHERE ifnull((SELECT shares FROM queue_open AS o WHERE o.seq = i.seq), 1) <>
        (SELECT count(*) FROM queue_ready AS r WHERE r.seq = i.seq AND (i.key IS NULL))
        + (SELECT count(*) FROM queue_delayed AS d WHERE d.seq = i.seq AND (i.key IS NULL))
        + (SELECT count(*) FROM leases AS l WHERE l.seq = i.seq AND (i.key IS NULL))
        + (SELECT count(*) FROM queue_keys AS k WHERE k.seq = i.seq)"),
    ("open is of bodies", "SELECT count(*) FROM queue_open AS o WHERE NOT EXISTS (SELECT 1 FROM queue_items AS i WHERE i.seq = o.seq AND i.shares > 1)"),
    ("no grant is empty", "SELECT count(*) FROM queue_grants AS g WHERE NOT EXISTS (SELECT 1 FROM leases AS l WHERE l.first = g.first)"),
    ("grants know their end", "SELECT count(*) FROM queue_grants AS g WHERE until <> (SELECT min(l.until) FROM leases AS l WHERE l.first = g.first)"),
    ("no item is leased twice", "SELECT count(*) - count(DISTINCT share || ' ' || seq) FROM leases"),
    ("bundles are counted", "SELECT count(*) FROM (SELECT share, bundle, count(*), min(rank * 1000000 + seq) FROM queue_ready WHERE bundle IS NOT NULL GROUP BY 1, 2
        EXCEPT SELECT share, bundle, ready, rank * 1000000 + seq FROM queue_bundles)"),
    ("no bundle is empty", "SELECT count(*) FROM queue_bundles AS b WHERE NOT EXISTS (SELECT 1 FROM queue_ready AS r WHERE r.share = b.share AND r.bundle = b.bundle)"),
    ("a key has one place", "SELECT count(*) FROM (SELECT k.share, k.key, count(*) AS n FROM queue_keys AS k JOIN
        (SELECT share, seq FROM queue_ready UNION ALL SELECT share, seq FROM queue_delayed
            UNION ALL SELECT l.share, l.seq FROM leases AS l) AS p
        ON p.share = k.share AND p.seq = k.seq GROUP BY 1, 2) WHERE n <> 1"),
    ("no key waits for ever", "SELECT count(*) FROM (SELECT DISTINCT share, key FROM queue_keys AS k WHERE NOT EXISTS
        (SELECT 1 FROM queue_keys AS a WHERE a.share = k.share AND a.key = k.key AND (
            EXISTS (SELECT 1 FROM queue_ready AS r WHERE r.share = a.share AND r.seq = a.seq)
            OR EXISTS (SELECT 1 FROM queue_delayed AS d WHERE d.share = a.share AND d.seq = a.seq)
            OR EXISTS (SELECT 1 FROM leases AS l WHERE l.seq = a.seq))))"),
    ("ends are bounded", "SELECT count(*) FROM queue_meta WHERE next_end > (SELECT min(until) FROM (SELECT until FROM queue_consumers UNION ALL SELECT until FROM queue_grants))"),
    ("attempts are counted", "SELECT count(*) FROM queue_meta WHERE attempts <> (SELECT count(*) FROM queue_attempts)"),
    ("the log has every id", "SELECT count(*) FROM queue_seen AS s WHERE NOT EXISTS (SELECT 1 FROM queue_seen_log AS l WHERE l.first BETWEEN (s.topic << 40) AND (s.topic << 40) + s.nth AND s.nth <= l.last)"),
];

/// Fails where the tables contradict each other.
pub(super) async fn audit(queue: &SqliteQueue) {
    let broken = queue.file().read(|conn| Ok::<_, Fault>(broken(conn)?)).await.unwrap();
    assert_eq!(broken, Vec::<&str>::new());
}

fn broken(conn: &Connection) -> rusqlite::Result<Vec<&'static str>> {
    let grants = grant::all(&Work::new(conn, Moment::ZERO))?;
    let lease = |grant: &Grant, held: &Held| {
        let until = held.until.unwrap_or(grant.term);
        format!("({}, {}, {}, {until})", grant.first, grant.share, held.seq)
    };
    let rows: Vec<_> =
        grants.iter().flat_map(|grant| grant.held.iter().map(move |held| lease(grant, held))).collect();
    let rows = if rows.is_empty() {
        "SELECT 0, 0, 0, 0 WHERE 0".to_owned()
    } else {
        format!("VALUES {}", rows.join(", "))
    };
    let mut broken = Vec::new();
    for (rule, sql) in RULES {
        let sql = format!("WITH leases (first, share, seq, until) AS ({rows}) {sql}");
        if conn.prepare(&sql)?.query_row((), |row| row.get::<_, i64>(0))? != 0 {
            broken.push(*rule);
        }
    }
    Ok(broken)
}
