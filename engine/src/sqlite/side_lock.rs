//! Turns between processes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use entourage_core::{Clock, SystemClock, planted};

/// Where in the lock file the doubt stands: behind the count of rings.
const DOUBT: u64 = 8;

/// Two lock files beside the database, which make its writers take turns.
///
/// SQLite's own waiting starves one of two busy processes almost wholly. Here who waits for
/// the lock holds the turn, and who has just let the lock go finds the turn taken: so two
/// writers alternate. The locks are `flock`s: they end with the process, however it ends.
/// They order the writers and no more: SQLite's own lock remains the truth.
#[derive(Debug)]
pub(crate) struct SideLock {
    turn: File,
    lock: File,
    lock_path: PathBuf,
}

/// The lock, until dropped.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    side: &'a SideLock,
}

impl SideLock {
    pub(crate) fn open(database: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let lock_path = beside(database, "-lock");
        Ok(Self {
            turn: options.open(beside(database, "-turn"))?,
            lock: options.open(&lock_path)?,
            lock_path,
        })
    }

    /// The file whose change is the bell.
    pub(crate) fn lock_path(&self) -> &Path {
        &self.lock_path
    }

    /// Waits for the lock in the kernel, in turn.
    pub(crate) fn lock(&self) -> io::Result<Held<'_>> {
        if planted("side-lock-skipped") {
            return Ok(Held { side: self });
        }
        uninterrupted(|| self.turn.lock())?;
        let locked = uninterrupted(|| self.lock.lock());
        self.turn.unlock()?;
        locked.map(|()| Held { side: self })
    }

    /// Tries for the lock until `patience` is over: for those who must not wait for ever.
    pub(crate) fn lock_within(&self, patience: Duration) -> io::Result<Option<Held<'_>>> {
        let clock = SystemClock::new();
        let until = clock.now() + patience;
        loop {
            match self.lock.try_lock() {
                Ok(()) => return Ok(Some(Held { side: self })),
                Err(TryLockError::WouldBlock) if clock.now() >= until => return Ok(None),
                // The kernel's lock cannot be waited for with a deadline.
                Err(TryLockError::WouldBlock) => thread::park_timeout(Duration::from_millis(1)),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Tells every process whether what lies in the log may not be on the disk. Under the lock.
    pub(crate) fn doubt(&self, is_doubtful: bool) -> io::Result<()> {
        self.lock.write_all_at(&[u8::from(is_doubtful)], DOUBT)
    }

    /// Whether any process has told so, and none that it was put right.
    pub(crate) fn is_doubtful(&self) -> bool {
        let mut doubt = [0];
        self.lock.read_at(&mut doubt, DOUBT).is_ok_and(|n| n == 1) && doubt != [0]
    }

    /// How often the bell has been rung since the lock file was made.
    pub(crate) fn rings(&self) -> io::Result<u64> {
        let mut count = [0; 8];
        match self.lock.read_at(&mut count, 0)? {
            8 => Ok(u64::from_le_bytes(count)),
            _ => Ok(0),
        }
    }
}

impl Held<'_> {
    /// Rings the bell of every process that has the file open, this one's excepted.
    pub(crate) fn ring(&self, heard: &AtomicU64) -> io::Result<()> {
        let rings = self.side.rings()?.wrapping_add(1);
        heard.store(rings, Ordering::Relaxed);
        self.side.lock.write_all_at(&rings.to_le_bytes(), 0)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // It can only fail if the descriptor is gone, and the lock with it.
        let _ = self.side.lock.unlock();
    }
}

/// The path with `suffix` after its file name, as SQLite names its own.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn uninterrupted(mut call: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
