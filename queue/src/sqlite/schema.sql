-- Moments and durations are nanoseconds. `rank` is 255 - priority, so that ready order is
-- ascending (rank, seq). A share is one group's view of one topic.

CREATE TABLE IF NOT EXISTS queue_meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    next_seq INTEGER NOT NULL,
    -- Items before this one were published at that moment, as far as ages go.
    rebooted_before INTEGER NOT NULL,
    rebooted_at INTEGER NOT NULL,
    -- Moves whenever something may have become ready, or some topic roomier.
    stirs INTEGER NOT NULL,
    -- No consumer's silence and no attempt's time ends before this moment.
    next_end INTEGER NOT NULL,
    -- How many rows queue_attempts has.
    attempts INTEGER NOT NULL
);
INSERT OR IGNORE INTO queue_meta VALUES (1, 1, 0, 0, 0, 9223372036854775807, 0);

CREATE TABLE IF NOT EXISTS queue_topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    capacity INTEGER NOT NULL,
    dedupe_window INTEGER NOT NULL,
    dedupe_ids INTEGER NOT NULL,
    -- How many of the ids it ever took there was no room for later.
    forgotten INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS queue_groups (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE IF NOT EXISTS queue_shares (
    id INTEGER PRIMARY KEY,
    topic INTEGER NOT NULL,
    -- Null while the backlog waits for its first group.
    grp INTEGER,
    -- In the topic's first share: items of the topic that some share has not settled.
    live INTEGER NOT NULL DEFAULT 0,
    ready INTEGER NOT NULL DEFAULT 0,
    -- Those of them without a bundle.
    loose INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    in_flight INTEGER NOT NULL DEFAULT 0,
    dead INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS queue_shares_of ON queue_shares (topic, grp);

-- An item stays here until every share has settled it.
CREATE TABLE IF NOT EXISTS queue_items (
    seq INTEGER PRIMARY KEY,
    topic INTEGER NOT NULL,
    -- How many shares it was published to.
    shares INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    published INTEGER NOT NULL,
    id TEXT NOT NULL,
    key TEXT,
    bundle TEXT,
    headers BLOB,
    payload BLOB NOT NULL
);

-- How many shares have not settled an item of several shares.
CREATE TABLE IF NOT EXISTS queue_open (
    seq INTEGER PRIMARY KEY,
    shares INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS queue_ready (
    share INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    lapses INTEGER NOT NULL,
    bundle TEXT,
    PRIMARY KEY (share, rank, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS queue_ready_bundled
    ON queue_ready (share, bundle, rank, seq) WHERE bundle IS NOT NULL;

-- How many items of a bundle are ready, and the first of them.
CREATE TABLE IF NOT EXISTS queue_bundles (
    share INTEGER NOT NULL,
    bundle TEXT NOT NULL,
    ready INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (share, bundle)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS queue_bundles_several
    ON queue_bundles (share, rank, seq, ready) WHERE ready >= 2;

CREATE TABLE IF NOT EXISTS queue_delayed (
    share INTEGER NOT NULL,
    due INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    -- The whole delay, for after a reboot.
    pause INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    lapses INTEGER NOT NULL,
    PRIMARY KEY (share, due, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS queue_delayed_by_age ON queue_delayed (share, seq);

-- Every unsettled item with a key. One of its key is ready, delayed or leased: the first,
-- unless an older one was redriven meanwhile. The others are only here.
CREATE TABLE IF NOT EXISTS queue_keys (
    share INTEGER NOT NULL,
    key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    due INTEGER NOT NULL,
    pause INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    lapses INTEGER NOT NULL,
    redriven INTEGER NOT NULL,
    PRIMARY KEY (share, key, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS queue_keys_redriven ON queue_keys (share, seq) WHERE redriven;

-- Attempts of one share that were leased together, with epochs from `first` on.
CREATE TABLE IF NOT EXISTS queue_grants (
    first INTEGER PRIMARY KEY,
    topic INTEGER NOT NULL,
    share INTEGER NOT NULL,
    consumer INTEGER NOT NULL,
    delivery_limit INTEGER NOT NULL,
    -- The time limit of its attempts but for those that were renewed.
    term INTEGER NOT NULL,
    -- When the first of its attempts runs out of time.
    until INTEGER NOT NULL,
    -- The attempts that go on.
    held BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS queue_consumers (
    id INTEGER PRIMARY KEY,
    until INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS queue_dead (
    one INTEGER PRIMARY KEY,
    share INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    published INTEGER NOT NULL,
    reason TEXT NOT NULL,
    id TEXT NOT NULL,
    key TEXT,
    bundle TEXT,
    headers BLOB,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS queue_dead_of ON queue_dead (share, seq);
CREATE INDEX IF NOT EXISTS queue_dead_named ON queue_dead (share, id);

-- Remembered ids, each with its place among those of its topic.
CREATE TABLE IF NOT EXISTS queue_seen (
    topic INTEGER NOT NULL,
    id TEXT NOT NULL,
    nth INTEGER NOT NULL,
    PRIMARY KEY (topic, id)
) WITHOUT ROWID;

-- The same ids in their order, some dozens a row, to be forgotten in that order. A row is
-- named by its topic and the place of its first id: topic * 2^40 + nth.
CREATE TABLE IF NOT EXISTS queue_seen_log (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ids BLOB NOT NULL
);

-- Steps with a name that were applied, and what they did.
CREATE TABLE IF NOT EXISTS queue_steps (
    grp INTEGER NOT NULL,
    nth INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    result BLOB,
    PRIMARY KEY (grp, nth)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS queue_steps_named ON queue_steps (grp, id);

-- Those without a name, by the first attempt that they settled.
CREATE TABLE IF NOT EXISTS queue_attempts (
    epoch INTEGER PRIMARY KEY,
    grp INTEGER NOT NULL,
    at INTEGER NOT NULL,
    result BLOB
);

CREATE TABLE IF NOT EXISTS queue_state (
    one INTEGER PRIMARY KEY,
    grp INTEGER NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    value BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS queue_state_of ON queue_state (grp, key);
