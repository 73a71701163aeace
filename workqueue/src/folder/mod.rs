//! Where the files of an item are while it is worked on.

mod held;
mod name;
pub(crate) mod opening;

use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use entourage_queue::Item;
use rustix::process::geteuid;

pub(crate) use self::held::{Folder, publish};

/// Where the folders of items are, and for how long.
///
/// Each item has one of its own, mode 0700, that one attempt holds at a time: a second one on
/// the same machine waits. Its name is made of the item's id, but is no path that an id could
/// choose. It is removed with the attempt, or, if it is [kept](Folders::kept_under), when the
/// item is done or dead.
///
/// # Examples
/// ```
/// use entourage_workqueue::Folders;
///
/// let lost_with_the_attempt = Folders::temporary();
/// let resumed_by_the_next = Folders::kept_under("/var/lib/thumbnails");
/// # drop((lost_with_the_attempt, resumed_by_the_next));
/// ```
#[derive(Clone, Debug)]
pub struct Folders {
    place: Arc<Place>,
    are_kept: bool,
}

/// The directory that the folders are in.
#[derive(Debug)]
enum Place {
    /// Made when it is first needed, removed with the last handle.
    Temporary(Mutex<Option<PathBuf>>),
    /// The user's.
    Given(PathBuf),
}

impl Folders {
    /// In a fresh directory among the system's temporary files, removed with the last handle.
    #[must_use]
    pub fn temporary() -> Self {
        Self { place: Arc::new(Place::Temporary(Mutex::default())), are_kept: false }
    }

    /// In this directory, which is made if there is none; removed with each attempt.
    pub fn under(directory: impl Into<PathBuf>) -> Self {
        Self { place: Arc::new(Place::Given(directory.into())), are_kept: false }
    }

    /// In this directory, which is made if there is none; kept from attempt to attempt until the
    /// item is done or dead. An item of the same id and another content begins afresh.
    ///
    /// What is kept of items that another machine has finished stays there: remove it when no
    /// worker runs.
    pub fn kept_under(directory: impl Into<PathBuf>) -> Self {
        Self { place: Arc::new(Place::Given(directory.into())), are_kept: true }
    }

    /// The folder of `item`; `None` while another attempt has it. Blocks on the disk.
    pub(crate) fn open(&self, item: &Item) -> io::Result<Option<Folder>> {
        let root = self.place.path()?;
        Folder::open(&root, item, self.are_kept)
    }
}

impl Default for Folders {
    fn default() -> Self {
        Self::temporary()
    }
}

impl Place {
    fn path(&self) -> io::Result<PathBuf> {
        match self {
            Self::Given(path) => {
                let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
                made.map_err(|error| of(path, &error))?;
                is_trusted(path)?;
                Ok(path.clone())
            }
            Self::Temporary(made) => {
                let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
                // Who cleans temporary files may have removed it, and another made one of its name.
                if let Some(path) = made.as_ref()
                    && !path.is_symlink()
                    && is_trusted(path).is_ok()
                {
                    return Ok(path.clone());
                }
                let path = fresh()?;
                *made = Some(path.clone());
                Ok(path)
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::Temporary(made) = self else { return };
        let made = made.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(path) = made
            && let Err(error) = fs::remove_dir_all(&path)
        {
            tracing::warn!(%error, path = %path.display(), "a temporary directory could not be removed");
        }
    }
}

/// Runs what waits for the disk beside the runtime's threads.
pub(crate) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let running = tokio::task::spawn_blocking(work);
    running.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
}

/// A directory that nobody else has prepared: it is made, and not found.
fn fresh() -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("entourage-work-{}-{number}", process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(of(&path, &error)),
        }
    }
}

/// The same error, which says what it is of.
fn of(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Refuses a directory in which other users could replace what is ours.
fn is_trusted(path: &Path) -> io::Result<()> {
    let found = fs::metadata(path)?;
    let is_ours = found.uid() == geteuid().as_raw();
    let is_shared = found.mode() & 0o022 != 0;
    if is_ours && !is_shared {
        return Ok(());
    }
    let message = format!(
        "{} is another user's or may be written by others; make it yours and its mode 0700",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}
