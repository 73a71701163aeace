//! The folder of one item, held by one attempt.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use entourage_core::planted;
use entourage_queue::Item;

use super::{name, of};

/// The folder of one item, held by one attempt until the last clone is dropped.
///
/// The lock on it goes with the process, so that one that was killed holds nothing.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    path: PathBuf,
    is_kept: bool,
    is_settled: AtomicBool,
    /// An advisory lock on the directory itself.
    _lock: File,
}

impl Folder {
    /// Whose folder it is: written first, so that nothing without it is resumed.
    const OWNER: &str = "owner";
    const ITEM: &str = "item";
    const FILES: &str = "files";
    const STEPS: &str = "steps";
    const STATE: &str = "state";

    pub(super) fn open(root: &Path, item: &Item, is_kept: bool) -> io::Result<Option<Self>> {
        let path = root.join(name::of(item.id()));
        let Some(lock) = locked(&path)? else { return Ok(None) };
        let held = Held { path, is_kept, is_settled: AtomicBool::new(false), _lock: lock };
        let folder = Self { held: Arc::new(held) };
        let owner = owner(item);
        let is_resumed =
            is_kept && fs::read(folder.path().join(Self::OWNER)).is_ok_and(|found| found == owner);
        if !is_resumed {
            folder.begin(&owner).map_err(|error| of(folder.path(), &error))?;
        }
        Ok(Some(folder))
    }

    /// Empties it, and says whose it is.
    fn begin(&self, owner: &[u8]) -> io::Result<()> {
        remove(&self.path().join(Self::OWNER))?;
        for entry in fs::read_dir(self.path())? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
        for name in [Self::FILES, Self::STEPS] {
            DirBuilder::new().mode(0o700).create(self.path().join(name))?;
        }
        if self.held.is_kept {
            publish(&self.path().join(Self::OWNER), owner)?;
        }
        Ok(())
    }

    /// The files of the work: a command's working directory, and the same one for every step.
    pub(crate) fn files(&self) -> PathBuf {
        self.path().join(Self::FILES)
    }

    /// Where workers keep what is theirs and not the work's: made if there is none; blocks on the
    /// disk.
    pub(crate) fn state(&self) -> io::Result<PathBuf> {
        let path = self.path().join(Self::STATE);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(path),
        }
    }

    /// Whether the next attempt on this machine finds what this one leaves.
    pub(crate) fn is_kept(&self) -> bool {
        self.held.is_kept
    }

    fn path(&self) -> &Path {
        &self.held.path
    }

    /// Where the item's data is for a command.
    pub(crate) fn item(&self) -> PathBuf {
        self.path().join(Self::ITEM)
    }

    /// Makes that file of exactly these bytes, which only its owner reads; blocks on the disk.
    ///
    /// It is made anew each time: an earlier step or attempt may have changed it.
    pub(crate) fn write_item(&self, payload: &[u8]) -> io::Result<()> {
        let path = self.item();
        remove(&path)?;
        let mode = if planted("command-item-file-is-public") { 0o644 } else { 0o600 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        let written = file.write_all(payload);
        if planted("command-item-file-ends-a-line") {
            file.write_all(b"\n")?;
        }
        without_half(&path, written)
    }

    /// The record of a step, if there is one.
    pub(crate) fn record(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path().join(Self::STEPS).join(name)).ok()
    }

    /// Records a step, after all that it has written; blocks on the disk.
    pub(crate) fn write_record(&self, name: &str, text: &str) -> io::Result<()> {
        sync_all(&self.files())?;
        publish(&self.path().join(Self::STEPS).join(name), text.as_bytes())
    }

    /// Forgets a step.
    pub(crate) fn remove_record(&self, name: &str) -> io::Result<()> {
        remove(&self.path().join(Self::STEPS).join(name))
    }

    /// The names of all records, in no order.
    pub(crate) fn records(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path().join(Self::STEPS))? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    /// Nobody comes back for it: it is removed with the last clone, kept or not.
    pub(crate) fn settle(&self) {
        self.held.is_settled.store(true, Ordering::Relaxed);
    }
}

impl Drop for Held {
    /// Before the lock goes, so that no other attempt finds half of it.
    fn drop(&mut self) {
        if self.is_kept && !self.is_settled.load(Ordering::Relaxed) {
            return;
        }
        // First: nothing that is half removed is resumed.
        let disowned = remove(&self.path.join(Folder::OWNER));
        if let Err(error) = disowned.and_then(|()| fs::remove_dir_all(&self.path)) {
            tracing::warn!(%error, path = %self.path.display(), "an item's folder could not be removed");
        }
    }
}

/// Locks the directory at `path`, made if there is none; `None` while it is another's.
fn locked(path: &Path) -> io::Result<Option<File>> {
    loop {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(of(path, &error)),
            _ => {}
        }
        let directory = match File::open(path) {
            // A link that leads nowhere is there, and cannot be opened.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
                return Err(link(path));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.map_err(|error| of(path, &error))?,
        };
        match directory.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Its last holder may have removed it between the two.
        let locked = directory.metadata()?;
        match fs::symlink_metadata(path) {
            Ok(found) if (found.dev(), found.ino()) == (locked.dev(), locked.ino()) => {
                return Ok(Some(directory));
            }
            Ok(found) if found.is_symlink() => return Err(link(path)),
            _ => {}
        }
    }
}

fn link(path: &Path) -> io::Error {
    let message = format!("{} is a link, and is not followed; remove it", path.display());
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Removes a file, if there is one.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// All that an item is, in an order and with lengths, so that no two are alike.
fn owner(item: &Item) -> Vec<u8> {
    let mut text = Vec::new();
    let mut add = |part: &[u8]| {
        text.extend_from_slice(format!("{}:", part.len()).as_bytes());
        text.extend_from_slice(part);
        text.push(b'\n');
    };
    add(item.id().as_str().as_bytes());
    add(item.payload());
    for (name, value) in item.headers() {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    text
}

/// Writes a file that is there whole or not at all, also after a power failure.
pub(crate) fn publish(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    without_half(&draft, written)?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Removes a file that was not written to its end: where the folder is kept, half of it would take
/// the room that it has not found.
fn without_half(path: &Path, written: io::Result<()>) -> io::Result<()> {
    if written.is_err() {
        // What is left in spite of this is in nobody's way: the next attempt makes it anew.
        let _ = remove(path);
    }
    written
}

/// Makes what is below `directory` outlast a power failure. Links are not followed.
fn sync_all(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_all(&entry.path())?;
        } else if kind.is_file() {
            match File::open(entry.path()) {
                // A file that its own maker may not read is not read by us either.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                opened => opened?.sync_all()?,
            }
        }
    }
    File::open(directory)?.sync_all()
}
