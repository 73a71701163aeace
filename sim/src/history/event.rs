//! Something that happened.

use std::fmt;

use serde_json::Value;

use crate::history::json;

/// Something that happened at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Nanoseconds on the recorder's clock.
    pub t: u64,
    /// What.
    pub what: What,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json::write(self).fmt(f)
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// A holder was granted a resource.
    Acquire {
        /// The resource.
        res: String,
        /// Who.
        holder: String,
        /// The fence's epoch.
        token: u64,
    },
    /// A holder believes in it no longer.
    Lose {
        /// The resource.
        res: String,
        /// Who.
        holder: String,
        /// The fence's epoch.
        token: u64,
    },
    /// The fenced sink has decided.
    Sink {
        /// The resource.
        res: String,
        /// Whose write.
        holder: String,
        /// The fence's epoch.
        token: u64,
        /// Whether it applied the write.
        ok: bool,
    },
    /// The harness did something to a process or its network.
    Fault {
        /// `pause` and `clock` allow that two believe at once; nothing else does.
        kind: String,
        /// To which process; `None` for all.
        worker: Option<String>,
    },
    /// An item was published.
    Enqueue {
        /// Its name.
        id: String,
        /// What orders it, if anything does.
        key: Option<String>,
        /// What the publisher was told.
        res: Taken,
    },
    /// A worker began an attempt.
    Start {
        /// The item.
        id: String,
        /// Who.
        worker: String,
        /// Which attempt: a number that no other attempt of the item has.
        attempt: u64,
    },
    /// An attempt's effect reached the sink.
    Effect {
        /// The item.
        id: String,
        /// Whose.
        worker: String,
        /// Which attempt.
        attempt: u64,
        /// Whether the sink applied it.
        ok: bool,
    },
    /// A worker was told whether its attempt is settled as done.
    Ack {
        /// The item.
        id: String,
        /// Whose.
        worker: String,
        /// Whether it is; false is also no answer.
        ok: bool,
    },
    /// The item is a dead letter.
    Dead {
        /// The item.
        id: String,
    },
    /// A process died.
    Kill {
        /// Which.
        worker: String,
    },
    /// A client sends an operation on a register.
    Invoke {
        /// The client, which has one operation at a time.
        p: String,
        /// What.
        op: Op,
    },
    /// It happened.
    Ok {
        /// The client.
        p: String,
        /// What a read saw; null for nothing. `None` for the others.
        v: Option<Value>,
    },
    /// It did not happen.
    Fail {
        /// The client.
        p: String,
    },
    /// It may have happened, or may happen later.
    Info {
        /// The client.
        p: String,
    },
}

/// What a publisher was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Taken {
    /// It is in the queue.
    Ok,
    /// It is not.
    Fail,
    /// It may be.
    Unknown,
}

/// An operation on a register.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Reads.
    Read {
        /// The key.
        k: String,
    },
    /// Writes.
    Write {
        /// The key.
        k: String,
        /// The value.
        v: Value,
    },
    /// Writes `new` if `old` stands there.
    Cas {
        /// The key.
        k: String,
        /// What is expected.
        old: Value,
        /// What is written.
        new: Value,
    },
}

impl Op {
    /// The register.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Read { k } | Self::Write { k, .. } | Self::Cas { k, .. } => k,
        }
    }
}
