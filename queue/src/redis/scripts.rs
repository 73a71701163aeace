//! The scripts, and what they keep.
//!
//! What is published together is stored together, in envelopes of at most 16 KiB or one item, and
//! what is received and settled together is one entry wherever it can be: a script then costs the
//! same for one item or a hundred, but for their ids. What is leased otherwise than in the order
//! of publishing, or settled in parts, is taken apart into entries of single items.
//!
//! An envelope goes when nobody has any of its items before him, so one that is not settled keeps
//! up to 16 KiB. Dead letters have bodies of their own, and what is delayed an envelope of its own.
//!
//! All keys begin with `{prefix}:queue:`; T is the number of a topic, L that of a line (one group's
//! view of one topic), G that of a group, C that of a consumer, E the 14 digits of an envelope.
//!
//! | key | what it holds |
//! | --- | --- |
//! | `{prefix}:queue` | realm, and the counter of epochs and of the numbers of topics, groups and lines |
//! | `topics`, `groups` | numbers by name |
//! | `tT` | options, how many items some line has not settled, how many ids there are and since when, the last envelope, the topic's lines |
//! | `pT:E` | an envelope: the bodies of items that were published together |
//! | `hT` | of the envelopes of several lines, how many lines have not settled each item |
//! | `sT`, `gT` | the ids that are remembered, and the same in their order, a batch an element |
//! | `lL` | how many are fresh, behind their keys, redriven behind their keys, and in flight; whether somebody waits for more |
//! | `fL` | fresh: plain and ready in the order of publishing, runs of items that follow each other |
//! | `rL`, `qL` | ready otherwise, by rank; those of them with a bundle |
//! | `bL:…`, `zL:N`, `yL` | ready of a bundle; bundles of N ready items by their first; which N |
//! | `wL` | delayed, by when they are due |
//! | `oL`, `kL:…`, `uL:…` | who stands before the others of a key, who waits behind, and which redriven letters do |
//! | `aL`, `cL` | envelopes of which something is unsettled, by age, and how much |
//! | `eL`, `vL`, `xL` | dead letters in their order, why, and their bodies |
//! | `grants`, `heldC` | what is leased, a receive an element, and whose it is |
//! | `ends` | when grants end (by their numbers), how long silence is borne (`cC`), and jobs (`j…`), which are always due |
//! | `turnC` | which ask of a consumer was the last, for a day |
//! | `stage…`, `job…`, `outcome…` | what a long redrive is to do, has done, and did |
//! | `nG`, `jG` | steps that were applied, and the same in their order |
//! | `pkG`, `pvG`, `pwG` | state records: keys, versions, values |
//! | `bell` | a stream of one entry: look again |
//!
//! Nobody is told anything while something is due at `ends`: a script answers `SWEEP` then and has
//! done nothing, and its caller calls that script first. A beat, a drop and a leave are the
//! exception: they judge what they touch and are done in one call, so that no call which follows
//! them can overtake them.

use entourage_engine::redis::Script;

/// A script of its own file, behind the parts that it uses: each costs time whenever it is run.
macro_rules! script {
    ($kind:ident, $name:literal $(, $part:literal)*) => {
        Script::$kind(
            concat!("queue-", $name),
            concat!(
                include_str!("lua/common.lua"),
                $(include_str!(concat!("lua/", $part, ".lua")),)*
                include_str!(concat!("lua/", $name, ".lua")),
            ),
        )
    };
}

/// What settles in any way, with what that may do to items, keys and topics.
macro_rules! settling {
    ($kind:ident, $name:literal $(, $part:literal)*) => {
        script!($kind, $name, "bell", "entries", "ready", "keys", "envelopes", "finish", "grants" $(, $part)*)
    };
}

pub(super) static CONFIGURE: Script = script!(writing, "configure", "bell", "names");
/// It makes no room; but only who has joined can empty a server that is full.
pub(super) static JOIN: Script = script!(freeing, "join", "names");
pub(super) static PUBLISH: Script = script!(writing, "publish", "bell", "entries", "ready", "publications");
pub(super) static LEASE: Script =
    script!(freeing, "lease", "bell", "entries", "ready", "keys", "envelopes", "grants", "ends");
pub(super) static BEAT: Script = script!(freeing, "beat");
pub(super) static LEAVE: Script = script!(freeing, "leave", "bell", "entries", "ready", "keys", "grants");
pub(super) static GIVE: Script = script!(freeing, "give", "bell", "entries", "ready", "keys", "grants");
pub(super) static RENEW: Script = script!(freeing, "renew", "entries", "grants");
/// A step that publishes or writes, and so may find no memory.
pub(super) static STEP: Script = settling!(writing, "step", "publications");
/// A step that only settles, which makes memory.
pub(super) static SETTLE: Script = settling!(freeing, "step", "publications");
pub(super) static SWEEP: Script = settling!(freeing, "sweep", "redriven", "jobs");
pub(super) static STATS: Script = script!(freeing, "stats", "lines");
pub(super) static ROOM: Script = script!(freeing, "room", "ends");
pub(super) static DEAD: Script = script!(freeing, "dead", "lines");
pub(super) static REDRIVE: Script =
    script!(freeing, "redrive", "bell", "entries", "ready", "keys", "envelopes", "lines", "redriven");
pub(super) static STAGE: Script = script!(writing, "stage");
pub(super) static COMMIT: Script = script!(freeing, "commit", "lines");
pub(super) static OUTCOME: Script = script!(freeing, "outcome");
pub(super) static RECORD: Script = script!(reading, "record");
pub(super) static RECORDS: Script = script!(reading, "records");

/// Where promises are broken on purpose: a part before the script's own text leads it astray.
pub(super) static STEP_OF_ANYONE: Script = settling!(writing, "step", "publications", "planted/stale");
pub(super) static RENEW_OF_ANYONE: Script = script!(freeing, "renew", "entries", "grants", "planted/stale");
pub(super) static SWEEP_AWAY: Script = settling!(freeing, "sweep", "redriven", "jobs", "planted/lapse");

/// Every one, so that a server can be made to know them before their first call.
pub(super) static ALL: [&Script; 20] = [
    &CONFIGURE, &JOIN, &PUBLISH, &LEASE, &BEAT, &LEAVE, &GIVE, &RENEW, &STEP, &SETTLE, &SWEEP, &STATS, &ROOM,
    &DEAD, &REDRIVE, &STAGE, &COMMIT, &OUTCOME, &RECORD, &RECORDS,
];
