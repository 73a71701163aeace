//! What a backend brings: its tables, and how the file is opened.

use std::{sync::Arc, time::Duration};

use entourage_core::{Clock, Moment, SystemClock};
use rusqlite::Connection;

/// The tables of one backend; several schemas may live in one file.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Its name within the file, such as `store`.
    pub name: &'static str,
    /// Its version; a file that holds another is refused.
    pub version: u32,
    /// The SQL that creates it. Run at every open, so it says `IF NOT EXISTS`.
    pub create: &'static str,
    /// Ends what a reboot ends (sessions, leases) and starts anew what it starts anew.
    ///
    /// Called in a transaction, once for each reboot or adoption since this schema was
    /// last opened, before anything else. Moments kept in the file are of another timeline.
    pub rebooted: fn(&Connection, now: Moment) -> rusqlite::Result<()>,
}

/// How a file is opened.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) adopt: bool,
    pub(crate) machine: Option<String>,
    pub(crate) wal_limit: u64,
    pub(crate) patience: Duration,
    pub(crate) readers: usize,
    pub(crate) inotify: bool,
}

impl Options {
    /// The system's clock, no adoption, a log of at most 64 MiB, 5 seconds of patience.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            adopt: false,
            machine: None,
            wal_limit: 64 << 20,
            patience: Duration::from_secs(5),
            readers: 2,
            inotify: true,
        }
    }

    /// Reads time from `clock`; its timeline decides whether the machine has rebooted.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes over a file that comes from elsewhere, under a new realm.
    #[must_use]
    pub fn with_adopt(mut self, adopt: bool) -> Self {
        self.adopt = adopt;
        self
    }

    /// Takes this for the machine's id instead of `/etc/machine-id`.
    #[must_use]
    pub fn with_machine(mut self, id: impl Into<String>) -> Self {
        self.machine = Some(id.into());
        self
    }

    /// The bytes above which a write-ahead log that cannot be emptied is warned of.
    #[must_use]
    pub fn with_wal_limit(mut self, bytes: u64) -> Self {
        self.wal_limit = bytes;
        self
    }

    /// How long a write waits for other processes before it answers `Unavailable`.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many reads run at once; at least one.
    #[must_use]
    pub fn with_readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Whether the kernel tells of other processes' commits; if not, they are looked for every 5 ms.
    ///
    /// Where the kernel refuses to (its limit of inotify instances is reached) that happens anyway.
    #[must_use]
    pub fn with_inotify(mut self, inotify: bool) -> Self {
        self.inotify = inotify;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
