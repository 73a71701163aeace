//! How the file is opened, or refused.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use crate::sqlite::{
    Error, Options, Result, Schema, SqliteFile,
    bell::{Bell, Listener, Notice},
    checkpoint::LogKeeper,
    connection::{self, Level, run, undo},
    counters::Counters,
    file::Inner,
    gate::Gate,
    identity::{FileId, machine_id},
    job::Jobs,
    meta::{self, Opener, Tenure},
    reader::{Reader, Readers, check_place},
    side_lock::SideLock,
    writer::Writer,
};

/// The bytes of the smallest page, hence of the smallest database.
const SMALLEST: u64 = 512;

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
        check_place(&path, id)?;
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
