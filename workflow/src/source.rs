//! Where a flow begins: a resumable listing that ends with a manifest.

use std::fmt;

use bytes::Bytes;
use entourage_core::BoxError;
use entourage_queue::{Publication, StateWrite};

/// How far a source has come, in its own words; kept in the queue's state.
pub type Cursor = Bytes;

/// A part of what a source has to say.
#[derive(Debug, Default)]
pub struct Chunk {
    /// What to publish. The last chunk carries the manifest.
    pub publish: Vec<Publication>,
    /// Further state to write in the same transaction.
    pub state: Vec<StateWrite>,
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether this was the last chunk.
    pub last: bool,
}

/// Lists what there is to do, in chunks, each of which is published exactly once.
///
/// A chunk and the cursor behind it are one transaction: a source that is killed goes on in
/// any other process of the group where the last chunk ended. Two at once do no harm either:
/// only one of them can move the cursor.
///
/// # Contract
/// From the same cursor on it must go on in the same order. What it numbers it numbers from
/// 1 without a gap, with the number in the cursor.
pub trait Source: fmt::Debug + Send + 'static {
    /// The chunk after `cursor`; `None` asks for the first. May block.
    ///
    /// # Errors
    /// What no repetition would mend; the workflow stops.
    fn next(&mut self, cursor: Option<&Cursor>) -> Result<Chunk, BoxError>;
}
