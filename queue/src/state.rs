//! Small records that change in the same transaction as a settlement.

use std::sync::Arc;

use bytes::Bytes;

/// A state record of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: Arc<str>,
    /// Its value.
    pub value: Bytes,
    /// How often it was written, from 1. A deleted and re-created record starts again.
    pub version: u64,
}

/// A write to a state record, as part of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateWrite {
    /// The record's key.
    pub key: Arc<str>,
    /// The version it must be at: 0 for absent, `None` for whatever stands there.
    pub expected: Option<u64>,
    /// The new value; `None` deletes the record.
    pub value: Option<Bytes>,
}
