//! The file, as a backend holds it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use entourage_core::{Clock, Realm, SystemClock};

use crate::sqlite::{
    Changes, Durability, Error, Options, Pending, Result, Schema, Stats, Tx,
    bell::{Bell, Listener, Notice},
    checkpoint::LogKeeper,
    connection::{self, Level, run, undo},
    counters::Counters,
    gate::Gate,
    identity::{FileId, machine_id},
    job::Jobs,
    meta::{self, Opener, Tenure},
    reader::{Reader, Readers},
    side_lock::SideLock,
    writer::Writer,
};

/// The bytes of the smallest page, hence of the smallest database.
const SMALLEST: u64 = 512;

/// One SQLite file, open for reading and writing.
///
/// Clones share it. When the last is dropped the writer does what is still in its line,
/// and the threads end. Once no process has the file open, whatever was relaxed is on the disk.
#[derive(Clone)]
pub struct SqliteFile {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    tenure: Tenure,
    clock: Arc<dyn Clock>,
    patience: Duration,
    jobs: Arc<Jobs>,
    writer: Option<JoinHandle<()>>,
    readers: Readers,
    bell: Bell,
    notice: Notice,
    counters: Arc<Counters>,
}

impl SqliteFile {
    /// Opens the file at `path`, or creates it, with the tables of `schema`.
    ///
    /// Blocks for some milliseconds, or for `Options::with_patience` if others hold it. A file
    /// that is refused is left as it is.
    ///
    /// # Errors
    /// [`Error::NotOurs`] for any other file, [`Error::Version`] for one of another version,
    /// [`Error::Foreign`] for one that is a copy or comes from another machine, unless adopted;
    /// [`Error::Open`] if it cannot be created or written, [`Error::Unavailable`] if others
    /// hold it.
    pub fn open(path: impl AsRef<Path>, schema: &Schema, options: Options) -> Result<Self> {
        let path = resolved(path.as_ref())?;
        let cannot = |error: io::Error| Error::Open { path: path.clone(), source: Arc::new(error) };
        // A file that is not ours gets no lock files beside it.
        let probe = match fs::metadata(&path) {
            // SQLite takes so short a file for a blank database and would overwrite it.
            Ok(file) if file.is_file() && (1..SMALLEST).contains(&file.len()) => {
                return Err(Error::NotOurs { path });
            }
            Ok(file) if !file.is_file() || file.len() > 0 => {
                let probe = connection::probe(&path, options.patience)?;
                meta::probe(&probe, &path)?;
                Some(probe)
            }
            _ => None,
        };
        let side = Arc::new(SideLock::open(&path).map_err(cannot)?);
        let held = side.lock_within(options.patience).map_err(cannot)?;
        let held =
            held.ok_or_else(|| Error::unavailable("another process has held the file's lock for too long"))?;
        let id = created(&path).map_err(cannot)?;
        let writer = connection::writer(&path, options.patience)?;
        // Kept so long, because the last connection to close empties the log.
        drop(probe);
        let opener = Opener {
            path: &path,
            id,
            machine: options.machine.clone().or_else(machine_id),
            timeline: options.clock.timeline().as_str().to_owned(),
            now: options.clock.now(),
            adopt: options.adopt,
        };
        let tenure = claimed(&writer, &opener, schema)?;
        crate::sqlite::reader::check_place(&path, id)?;
        let rings = side.rings().map_err(cannot)?;
        drop(held);
        Self::start(path, id, tenure, writer, &side, rings, options)
    }

    fn start(
        path: PathBuf,
        id: FileId,
        tenure: Tenure,
        connection: rusqlite::Connection,
        side: &Arc<SideLock>,
        rings: u64,
        options: Options,
    ) -> Result<Self> {
        let Options { clock, patience, wal_limit, readers, inotify, .. } = options;
        let counters = Arc::new(Counters::default());
        let jobs = Arc::new(Jobs::default());
        let gate = Arc::new(Gate::default());
        let notice = Notice::new(rings);
        let reader = |_| {
            let connection = connection::reader(&path, patience)?;
            Ok(Reader {
                connection,
                path: path.clone(),
                id,
                tenure,
                gate: Arc::clone(&gate),
                counters: Arc::clone(&counters),
            })
        };
        let readers = (0..readers).map(reader).collect::<Result<_>>()?;
        let listener = Listener {
            side: Arc::clone(side),
            connection: connection::reader(&path, patience)?,
            notice: notice.clone(),
            jobs: Arc::clone(&jobs),
            counters: Arc::clone(&counters),
            patience,
            inotify,
        };
        let writer = Writer {
            connection,
            path: path.clone(),
            id,
            tenure,
            clock: Arc::clone(&clock),
            side: Arc::clone(side),
            jobs: Arc::clone(&jobs),
            notice: notice.clone(),
            keeper: LogKeeper::new(&path, wal_limit, Arc::clone(&gate), Arc::clone(&counters)),
            counters: Arc::clone(&counters),
            patience,
            level: Level::Full,
            crowd: 0,
            is_busy: false,
            has_reserved: false,
            doubtful: false,
        };
        let cannot = |error: io::Error| Error::unavailable(error);
        let bell = Bell::listen(listener).map_err(cannot)?;
        let readers = Readers::start(readers).map_err(cannot)?;
        let builder = thread::Builder::new().name("entourage-write".to_owned());
        let writer = Some(builder.spawn(move || writer.run()).map_err(cannot)?);
        let inner = Inner { path, tenure, clock, patience, jobs, writer, readers, bell, notice, counters };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// This incarnation of the file; a copy gets another when it is adopted.
    #[must_use]
    pub fn realm(&self) -> Realm {
        self.inner.tenure.realm
    }

    /// The clock that [`Tx::now`] reads.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Where the file lies, links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// What was done with the file since it was opened here.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.counters.stats()
    }

    /// Runs `job` in a savepoint of its own; callers share a commit.
    ///
    /// An error of the job undoes what it did, and only that.
    ///
    /// # Errors
    /// What the job answers; [`Error::Unavailable`] and [`Error::DiskFull`] when nothing
    /// happened, [`Error::Unknown`] when the commit itself failed, [`Error::Replaced`] and
    /// [`Error::Foreign`] when the file is another's by now, [`Error::Panicked`].
    ///
    /// # Cancel safety
    /// Once polled, the job is done whether or not the future lives on.
    pub async fn write<T, E, F>(&self, durability: Durability, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.submit(durability, job).await
    }

    /// [`SqliteFile::write`], without waiting here: for a `Drop`, or to wait elsewhere.
    ///
    /// The job is in line when this returns. The answer waits in the handle; dropping that
    /// cancels nothing.
    pub fn submit<T, E, F>(&self, durability: Durability, job: F) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.jobs.submit(durability, job)
    }

    /// Runs `job` on a snapshot, which ends with the call and sees every answered write.
    ///
    /// # Errors
    /// What the job answers; [`Error::Unavailable`] when it could not be begun,
    /// [`Error::Replaced`] and [`Error::Foreign`] when the file is another's by now,
    /// [`Error::Panicked`].
    ///
    /// # Cancel safety
    /// Dropped, the job runs on or is not begun; it changes nothing.
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, E> + Send + 'static,
    {
        self.inner.readers.read(job).await
    }

    /// A waiter for every commit from now on, by this or another process.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.inner.notice.changes()
    }
}

impl fmt::Debug for SqliteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { path, tenure, .. } = &*self.inner;
        f.debug_struct("SqliteFile").field("path", path).field("realm", &tenure.realm).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.readers.end();
        self.bell.silence();
        self.jobs.close();
        let Some(writer) = self.writer.take() else { return };
        // The last handle may have been dropped by a job.
        if writer.thread().id() == thread::current().id() {
            return;
        }
        while !self.jobs.wait_for_end(Duration::from_millis(100)) {
            // Another process stands still with the lock: the thread is left to wait.
            if self.jobs.fail_if_stalled(SystemClock::new().now(), self.patience) {
                return;
            }
        }
        // A panic there has been reported by the thread itself.
        let _ = writer.join();
    }
}

/// The path without links, so that every name of the file leads to the same lock files.
fn resolved(path: &Path) -> Result<PathBuf> {
    let cannot = |error: io::Error| Error::Open { path: path.to_owned(), source: Arc::new(error) };
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        path => return path.map_err(cannot),
    }
    let name = path.file_name().ok_or_else(|| cannot(io::ErrorKind::InvalidInput.into()))?;
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    Ok(fs::canonicalize(folder).map_err(cannot)?.join(name))
}

/// Creates the file if there is none. Run under the side lock.
fn created(path: &Path) -> io::Result<FileId> {
    // An existing file is not opened: closing it would drop SQLite's locks on it.
    match FileId::of(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            drop(fs::OpenOptions::new().write(true).create_new(true).open(path)?);
            FileId::of(path)
        }
        id => id,
    }
}

fn claimed(connection: &rusqlite::Connection, opener: &Opener<'_>, schema: &Schema) -> Result<Tenure> {
    run(connection, "BEGIN IMMEDIATE")?;
    let tenure = meta::claim(connection, opener, schema);
    if tenure.is_ok() {
        run(connection, "COMMIT").map_err(Error::of_commit)?;
    }
    undo(connection);
    tenure
}
