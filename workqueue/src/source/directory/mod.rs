//! Files as items.

mod glob;
mod settling;
mod sink;
mod walk;

use std::{
    path::{Path, PathBuf, absolute},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entourage_blueprint::{Blueprint, Counters, Describe};
use entourage_core::{BoxError, Clock, SystemClock, sleep, timeout};
use serde_json::Value;
use tokio::sync::Semaphore;

use self::settling::{Judged, Settling};
pub use self::{
    glob::{Glob, InvalidGlob},
    sink::{DirSink, SinkError},
};
use super::{
    WorkSource,
    counts::Counts,
    data::ItemData,
    error::{SourceError, SourceResult},
    listing::{Listing, ListingBuilder},
    name::ItemName,
};

/// How long the disk has for one look at it.
const DISK_TIME: Duration = Duration::from_secs(30);
/// Looks at the disk at once: a disk that hangs takes no more threads than these.
const LOOKS: usize = 4;

/// The files of a folder, named by their paths relative to it, in the order of their bytes.
///
/// The data of an item says where it is, `{"path":"/data/clips/a.mp4","bytes":1234}`, or is the file's
/// content ([`with_contents`](Self::with_contents), up to 1 MiB).
///
/// Only regular files are offered. No link is followed but the root itself, hidden files and
/// folders are passed by, and a file is offered once it was seen unchanged for 2 s
/// ([`with_settle`](Self::with_settle)); one that changes is not listed until it has settled again. So
/// listing takes until 2 s after the first look, if there are files. A name that is no [`ItemName`]
/// is skipped and counted.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let scratch = entourage_testkit::Scratch::new();
/// # let folder = scratch.path();
/// use std::time::Duration;
/// use entourage_workqueue::{DirectorySource, WorkSource};
///
/// std::fs::write(folder.join("a.mp4"), "…")?;
/// std::fs::write(folder.join("notes.txt"), "…")?;
/// let videos = DirectorySource::new(folder)?.with_glob("**/*.mp4")?.with_settle(Duration::ZERO);
/// assert_eq!(videos.items().await?.names(), ["a.mp4".try_into()?]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct DirectorySource {
    root: Arc<Path>,
    name: String,
    globs: Arc<[Glob]>,
    has_contents: bool,
    settle: Duration,
    limit: usize,
    clock: Arc<dyn Clock>,
    settling: Arc<Mutex<Settling>>,
    looks: Arc<Semaphore>,
    counts: Counts,
}

impl DirectorySource {
    /// The files directly in `root`. It need not exist yet: until it does, listing fails.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] for a path that is no UTF-8, which no item's data could name.
    pub fn new(root: impl AsRef<Path>) -> SourceResult<Self> {
        let root = root.as_ref();
        let invalid = || SourceError::Invalid(format!("{} is no path that JSON could name", root.display()));
        let root: PathBuf = absolute(root).map_err(|_| invalid())?;
        let name = root.to_str().ok_or_else(invalid)?.to_owned();
        Ok(Self {
            root: root.into(),
            name,
            globs: Arc::from([Glob::new("*").expect("a star is a pattern")]),
            has_contents: false,
            settle: Duration::from_secs(2),
            limit: Listing::MAX_NAMES,
            clock: Arc::new(SystemClock::new()),
            settling: Arc::default(),
            looks: Arc::new(Semaphore::new(LOOKS)),
            counts: Counts::new(),
        })
    }

    /// The same source under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The files whose relative path matches `pattern`; `**` is all below the root.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] for what is no [`Glob`].
    pub fn with_glob(self, pattern: &str) -> SourceResult<Self> {
        self.with_globs([pattern])
    }

    /// The files whose relative path matches one of the patterns.
    ///
    /// # Errors
    /// As [`with_glob`](Self::with_glob).
    pub fn with_globs<'a>(mut self, patterns: impl IntoIterator<Item = &'a str>) -> SourceResult<Self> {
        let globs: Result<Vec<Glob>, InvalidGlob> = patterns.into_iter().map(Glob::new).collect();
        self.globs = globs.map_err(|invalid| SourceError::Invalid(invalid.to_string()))?.into();
        Ok(self)
    }

    /// The content of a file is its item's data; 1 MiB is the most.
    #[must_use]
    pub const fn with_contents(mut self) -> Self {
        self.has_contents = true;
        self
    }

    /// How long a file is left alone before it is offered: longer than its writer ever pauses.
    ///
    /// Zero where every writer renames its files into place, as [`DirSink`] does.
    #[must_use]
    pub const fn with_settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// At most this many names; of more the listing says that it is cut.
    #[must_use]
    pub const fn with_limit(mut self, names: usize) -> Self {
        self.limit = names;
        self
    }

    /// The same source on another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The source's numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.counters().clone()
    }

    async fn look(&self) -> SourceResult<(Judged, ListingBuilder)> {
        let (root, globs, limit) = (Arc::clone(&self.root), Arc::clone(&self.globs), self.limit);
        let began = self.clock.now();
        let walk = move || walk::walk(&root, &globs, limit);
        let (found, findings) = self.blocking(walk).await?;
        let span = (began, self.clock.now());
        let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((settling.judge(found, span, self.settle), findings))
    }

    async fn list(&self) -> SourceResult<Listing> {
        let mut looked = self.look().await?;
        // Until then a file that is not offered may be an old one: the list would not be complete.
        while !looked.0.too_early_for.is_zero() {
            sleep(&*self.clock, looked.0.too_early_for).await;
            looked = self.look().await?;
        }
        let (judged, mut listing) = looked;
        for name in judged.settled {
            listing.add(name);
        }
        Ok(listing.build())
    }

    async fn find(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        if !self.globs.iter().any(|glob| glob.matches(name.as_str())) {
            return Ok(None);
        }
        let (root, name, has_contents) = (Arc::clone(&self.root), name.clone(), self.has_contents);
        let too_large = SourceError::TooLarge { what: format!("file {name:?}"), limit: ItemData::MAX_BYTES };
        let find = move || {
            let Some((file, stat)) = walk::open(&root, &name)? else { return Ok(None) };
            if has_contents {
                return Ok(Some(walk::read(file, ItemData::MAX_BYTES)?));
            }
            let path = Value::from(root.join(name.as_str()).to_string_lossy());
            Ok(Some(Some(format!(r#"{{"path":{path},"bytes":{}}}"#, stat.st_size).into_bytes())))
        };
        match self.blocking(find).await? {
            None => Ok(None),
            Some(None) => Err(too_large),
            Some(Some(bytes)) => ItemData::new(bytes).map(Some),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> SourceResult<T> {
        let unavailable = |error: BoxError| SourceError::unavailable(&*self.name, error);
        let looking = async {
            let look = Arc::clone(&self.looks).acquire_owned().await?;
            let done = tokio::task::spawn_blocking(move || {
                let done = work();
                drop(look);
                done
            });
            Ok(done.await??)
        };
        let done = timeout(&*self.clock, DISK_TIME, looking).await;
        done.unwrap_or_else(|elapsed| Err(elapsed.into())).map_err(unavailable)
    }
}

#[async_trait::async_trait]
impl WorkSource for DirectorySource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn items(&self) -> SourceResult<Listing> {
        self.counts.listed(self.list().await)
    }

    async fn item(&self, name: &ItemName) -> SourceResult<Option<ItemData>> {
        self.counts.fetched(self.find(name).await)
    }
}

impl Describe for DirectorySource {
    fn describe(&self, blueprint: &mut Blueprint) {
        self.counts.describe(blueprint, &self.name, "directory");
    }
}
