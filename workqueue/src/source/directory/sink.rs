//! Files that are there whole or not at all.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use entourage_blueprint::{Blueprint, Counters, Describe, Needs, Node, Sink};
use entourage_core::planted;
use rustix::{
    fs::{AtFlags, Mode, OFlags, fsync, openat, renameat, unlinkat},
    io::Errno,
};

use super::walk::folder;
use crate::source::{data::ItemData, name::ItemName};

/// Writes each item as a file of a folder; the other end of a [`DirectorySource`].
///
/// A file is written under a hidden name, synced, and renamed: who lists the folder sees it whole
/// or not at all, also after a loss of power. It is called [`ItemName::file_name`], so it is in the
/// folder whatever the item is called, and an item that is written again replaces its file.
///
/// Whoever is killed while writing leaves a hidden file, `.entourage-…`, that no source offers.
///
/// [`DirectorySource`]: crate::DirectorySource
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let scratch = entourage_testkit::Scratch::new();
/// # let folder = scratch.path();
/// use std::time::Duration;
/// use entourage_workqueue::{DirSink, DirectorySource, ItemData, WorkSource};
///
/// let sink = DirSink::new(folder);
/// sink.write(&"order-17".try_into()?, ItemData::new("two coffees")?).await?;
///
/// let source = DirectorySource::new(folder)?.with_contents().with_settle(Duration::ZERO);
/// let names = source.items().await?.into_names();
/// assert_eq!(source.item(&names[0]).await?.unwrap().bytes(), "two coffees");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct DirSink {
    root: Arc<Path>,
    counters: Counters,
}

/// Why an item was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Nobody sees anything of it; the same call may succeed later.
    #[error("{} was not written", path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// What stood in the way.
        source: io::Error,
    },
    /// It is there now, and may be gone after a loss of power. Write it again.
    #[error("{} is written and may not outlast a loss of power; write it again", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What stood in the way.
        source: io::Error,
    },
}

impl DirSink {
    /// Writes into this folder, which has to exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let counters = Counters::new(&["items_written_total", "errors_total"]);
        Self { root: root.into().into(), counters }
    }

    /// The sink's numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// Writes the file of an item, in place of an earlier one, and says where it is.
    ///
    /// # Errors
    /// [`SinkError`], which says whether the file is there.
    ///
    /// # Cancel safety
    /// The file is written whole or not at all, also if the future is dropped.
    pub async fn write(&self, name: &ItemName, data: ItemData) -> Result<PathBuf, SinkError> {
        let (root, file) = (Arc::clone(&self.root), name.file_name());
        let path = root.join(&file);
        let writing = tokio::task::spawn_blocking(move || write(&root, &file, &data.into_bytes()));
        let written = writing.await.unwrap_or_else(|lost| Err(Broken::Before(io::Error::other(lost))));
        let counter = if written.is_ok() { "items_written_total" } else { "errors_total" };
        self.counters.counter(counter).increment();
        match written {
            Ok(()) => Ok(path),
            Err(Broken::Before(source)) => Err(SinkError::NotWritten { path, source }),
            Err(Broken::After(source)) => Err(SinkError::Unknown { path, source }),
        }
    }
}

/// Where writing broke off: before or after the rename.
enum Broken {
    Before(io::Error),
    After(io::Error),
}

fn write(root: &Path, file: &str, data: &Bytes) -> Result<(), Broken> {
    let root = folder(root).map_err(Broken::Before)?;
    let (mut opened, hidden) = fresh(&root, file).map_err(Broken::Before)?;
    let written = (opened.write_all(data).and_then(|()| opened.sync_all()))
        .and_then(|()| Ok(renameat(&root, &hidden, &root, file)?));
    if let Err(error) = written {
        // If it stays, it stays hidden.
        let _ = unlinkat(&root, &hidden, AtFlags::empty());
        return Err(Broken::Before(error));
    }
    fsync(&root).map_err(|error| Broken::After(error.into()))
}

/// A hidden file that nobody had: neither another process of this number nor one that was killed.
fn fresh(root: &OwnedFd, file: &str) -> io::Result<(File, String)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o644);
    if planted("sink-writes-in-place") {
        return Ok((openat(root, file, flags | OFlags::TRUNC, mode)?.into(), file.to_owned()));
    }
    loop {
        let hidden = format!(".entourage-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        match openat(root, &hidden, flags | OFlags::EXCL, mode) {
            Ok(opened) => return Ok((opened.into(), hidden)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl Describe for DirSink {
    fn describe(&self, blueprint: &mut Blueprint) {
        let node = Node::new("sink", self.root.display().to_string()).with_backend("directory");
        blueprint.add_node(node.sink(Sink::needs(Needs::Any)).with_counters(self.counters()));
    }
}
