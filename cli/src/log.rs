//! Where the log goes, and how much of it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, reload, util::SubscriberInitExt};

/// Each is more than the one before.
const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

static LOG: OnceLock<Log> = OnceLock::new();

type Change = dyn Fn(LevelFilter) + Send + Sync;

/// The log of this process.
struct Log {
    output: Output,
    level: Mutex<LevelFilter>,
    change: Box<Change>,
}

/// Where lines go.
enum Output {
    Stderr,
    File { path: PathBuf, file: Mutex<File> },
}

/// Logs this and what is graver, as JSON lines on standard error or at the end of a file.
///
/// # Errors
/// The file cannot be opened.
pub(crate) fn start(level: LevelFilter, output: Option<&Path>) -> io::Result<()> {
    let output = match output {
        None => Output::Stderr,
        Some(path) => Output::File { path: path.to_owned(), file: Mutex::new(open(path)?) },
    };
    let (filter, handle) = reload::Layer::new(level);
    let change = Box::new(move |level| {
        // It lasts as long as the process.
        let _ = handle.reload(level);
    });
    // A second log would say everything twice.
    let is_first = LOG.set(Log { output, level: Mutex::new(level), change }).is_ok();
    if is_first {
        let lines = tracing_subscriber::fmt::layer().json().with_writer(|| Lines);
        tracing_subscriber::registry().with(filter).with(lines).init();
    }
    Ok(())
}

/// Opens the file of the log anew, for whoever has moved it away; says what became of it.
pub(crate) fn reopen() {
    let Some(Log { output: Output::File { path, file }, .. }) = LOG.get() else { return };
    let reopened = open(path);
    match reopened {
        Ok(opened) => *file.lock().unwrap_or_else(PoisonError::into_inner) = opened,
        Err(error) => tracing::error!(%error, "the log cannot be opened anew; it goes on where it was"),
    }
}

/// Logs one level more, or one less.
pub(crate) fn turn(louder: bool) {
    let Some(log) = LOG.get() else { return };
    let level = {
        let mut level = log.level.lock().unwrap_or_else(PoisonError::into_inner);
        let at = LEVELS.iter().position(|known| known == &*level).unwrap_or_default();
        let at = if louder { (at + 1).min(LEVELS.len() - 1) } else { at.saturating_sub(1) };
        *level = LEVELS[at];
        *level
    };
    (log.change)(level);
    tracing::warn!(%level, "the log has another level");
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Writes to the log of this process.
struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match LOG.get().map(|log| &log.output) {
            Some(Output::File { file, .. }) => {
                file.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
            }
            _ => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
