//! What a job works on.

use std::ops::{Deref, Range};

use entourage_core::{Moment, Realm};
use rusqlite::Connection;

use crate::sqlite::epochs::{EPOCHS_PER_JOB, Epochs};

/// One job's part of a transaction, which is undone alone.
///
/// Dereferences to the connection, for cached statements. A job leaves BEGIN, COMMIT and
/// ROLLBACK alone.
#[derive(Debug)]
pub struct Tx<'a> {
    connection: &'a Connection,
    realm: Realm,
    now: Moment,
    epochs: &'a mut Epochs,
    allowance: u64,
}

impl<'a> Tx<'a> {
    pub(crate) const fn new(
        connection: &'a Connection,
        realm: Realm,
        now: Moment,
        epochs: &'a mut Epochs,
    ) -> Self {
        Self { connection, realm, now, epochs, allowance: EPOCHS_PER_JOB }
    }

    /// When this job began; later jobs, of any process, read no earlier moment.
    #[must_use]
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// The file's realm, for the fences that this job issues.
    #[must_use]
    pub const fn realm(&self) -> Realm {
        self.realm
    }

    /// `n` epochs, all greater than every one granted before by whichever process.
    ///
    /// Granted when the job commits; those of a job that fails are nobody's, or a later job's.
    ///
    /// # Panics
    /// If one job takes more than [`EPOCHS_PER_JOB`] in all.
    pub fn epochs(&mut self, n: u64) -> Range<u64> {
        assert!(n <= self.allowance, "a job may take {EPOCHS_PER_JOB} epochs in all");
        self.allowance -= n;
        self.epochs.take(n)
    }

    /// The next epoch: [`Tx::epochs`] of one.
    pub fn epoch(&mut self) -> u64 {
        self.epochs(1).start
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}
