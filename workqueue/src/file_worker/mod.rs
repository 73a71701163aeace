//! The book's generic worker: a file is fetched, a script is run on it, what it makes is sent.

mod answer;
mod destination;
mod error;
mod failure;
mod fetch;
mod job;
mod limits;
mod local;
mod location;
mod outputs;
mod pace;
mod partial;
mod place;
mod run;
mod script;
mod sink;
mod upload;
mod work;

use std::{collections::BTreeSet, fmt, path::PathBuf, sync::Arc};

use entourage_blueprint::Counters;
use entourage_core::{Clock, SystemClock};
use tokio::sync::OnceCell;

use self::{
    destination::Destination,
    job::{Counts, Settings},
    location::Location,
    script::{Kind, Text},
};
use crate::{command::CommandWorker, folder::Folders};

pub use self::{error::InvalidFileWorker, limits::FileLimits, script::Script};

/// The book's multi-purpose worker: fetches the file that an item names, runs a script on it that
/// was chosen at run time, and sends what the script leaves.
///
/// An item's data is `{"url":"http://…"}`, or an address alone, or what a
/// [`DirectorySource`](crate::DirectorySource) gives, `{"path":"/…"}`; or the
/// [template](Self::with_url) makes an address of the item's name. Fetched is from hosts and folders
/// that were allowed, and no redirect is followed.
///
/// The script finds, beside what a [`CommandWorker`] has:
///
/// | variable | what it holds |
/// |---|---|
/// | `INPUT_FILE` | the path of the file that was fetched, with its extension; mode 0400 |
/// | `WORK_ITEM_FILE` | the path of the item's data |
/// | `OUTPUT_DIR` | the path of an empty directory: plain files that are left there are sent |
///
/// Each output is PUT to `URL/ITEM/FILE`, or put into the folder `FOLDER/ITEM` by renaming.
///
/// It does three steps, as a [`MultiWorker`](crate::MultiWorker) does: in folders that are
/// [kept](Folders::kept_under), what was fetched is not fetched again, a script that was done is not
/// run again, and a file that was sent is not sent again, also after `kill -9`.
///
/// # Examples
/// ```
/// use entourage_workqueue::{FileWorker, Folders, Script};
///
/// let script = Script::text("#!/bin/sh\nffmpeg -i \"$INPUT_FILE\" \"$OUTPUT_DIR/thumb%d.png\"\n")?;
/// let worker = FileWorker::new(script)
///     .with_hosts(["videos.example", "10.0.0.7:9000"])?
///     .with_url("http://videos.example/{name}")?
///     .with_output_url("http://thumbnails.example:8080/v1")?
///     .with_command(|command| command.memory_limit(2 << 30))
///     .with_folders(Folders::kept_under("/var/lib/thumbnails"));
/// # drop(worker);
/// # Ok::<_, entourage_workqueue::InvalidFileWorker>(())
/// ```
#[derive(Clone)]
pub struct FileWorker {
    script: Kind,
    /// The text of a script that a server has, once it was asked.
    asked: Arc<OnceCell<Text>>,
    template: Option<String>,
    folders: Folders,
    settings: Settings,
}

impl FileWorker {
    /// Runs this script on each file; no host is asked yet, no folder read, and nothing sent.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let program = match &script.0 {
            Kind::At(program) => program.clone(),
            // Replaced by what its first line names.
            Kind::Text(_) | Kind::Url(_) => "script".into(),
        };
        let settings = Settings {
            hosts: BTreeSet::new(),
            roots: Arc::new([]),
            limits: FileLimits::new(),
            command: CommandWorker::new(program),
            destination: None,
            clock: Arc::new(SystemClock::new()),
            counts: Counts::new(),
        };
        Self {
            script: script.0,
            asked: Arc::default(),
            template: None,
            folders: Folders::temporary(),
            settings,
        }
    }

    /// Fetching from these hosts, too: `host`, which is `host:80`, or `host:port`. An item that names
    /// another is a dead letter.
    ///
    /// # Errors
    /// [`InvalidFileWorker::Host`] for what names no host, [`InvalidFileWorker::HostWithUser`] for one
    /// with a user.
    pub fn with_hosts(
        mut self,
        hosts: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, InvalidFileWorker> {
        for host in hosts {
            let host = host.as_ref();
            if host.contains('@') {
                return Err(InvalidFileWorker::HostWithUser);
            }
            match Location::parse(&format!("http://{host}")) {
                Ok(Location::Http { host, target }) if target == "/" => self.settings.hosts.insert(host),
                _ => return Err(InvalidFileWorker::Host(host.to_owned())),
            };
        }
        Ok(self)
    }

    /// Reading files below this folder, too, for items of `file:` and of a
    /// [`DirectorySource`](crate::DirectorySource); it has to be absolute. No link below it is
    /// followed.
    #[must_use]
    pub fn with_root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.roots = self.settings.roots.iter().cloned().chain([folder.into()]).collect();
        self
    }

    /// Fetching this address for every item, with `{name}` replaced by its name as one segment, and
    /// not looking into its data: for sources that list names only. A name with a slash or a backslash,
    /// or that is `.` or `..`, is a dead letter: a server that decodes first would read it as a path.
    ///
    /// # Errors
    /// [`InvalidFileWorker::Template`] for what is no address of http, or has no `{name}` in its path
    /// or query.
    pub fn with_url(mut self, template: impl Into<String>) -> Result<Self, InvalidFileWorker> {
        let template = template.into();
        let refuse = |why: &str| InvalidFileWorker::Template(why.to_owned());
        let parsed = Location::parse(&template.replace(location::NAME, "name"));
        match (parsed, Location::parse(&template.replace(location::NAME, "other"))) {
            (Err(why), _) | (_, Err(why)) => return Err(InvalidFileWorker::Template(why)),
            (Ok(one), Ok(other)) if one == other => return Err(refuse("it has no {name} in its path")),
            (Ok(Location::Http { host: one, .. }), Ok(Location::Http { host: other, .. }))
                if one == other => {}
            (Ok(Location::File(_)), Ok(Location::File(_))) => {}
            _ => return Err(refuse("the host is not the items' to choose")),
        }
        self.template = Some(template);
        Ok(self)
    }

    /// Sending each output by PUT to `url/ITEM/FILE`, with its digest (`Repr-Digest`) and the attempt's
    /// fence (`entourage-fence`). An item is called [`ItemName::file_name`], as in a folder, so that no
    /// server can take it for a path; the file's name is percent-encoded.
    ///
    /// [`ItemName::file_name`]: crate::ItemName::file_name
    ///
    /// # Errors
    /// [`InvalidFileWorker::OutputUrl`] for what is no address of http, or has a query.
    pub fn with_output_url(mut self, url: impl AsRef<str>) -> Result<Self, InvalidFileWorker> {
        self.settings.destination = Some(Destination::url(url.as_ref())?);
        Ok(self)
    }

    /// Putting each output into `folder/ITEM`, under its own name and by renaming: who reads there
    /// sees whole files. The folder has to exist; an item's is called [`ItemName::file_name`].
    ///
    /// [`ItemName::file_name`]: crate::ItemName::file_name
    #[must_use]
    pub fn with_output_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.destination = Some(Destination::Folder(folder.into()));
        self
    }

    /// Running the script as this says: with arguments, limits, an [`ExitPolicy`](crate::ExitPolicy).
    #[must_use]
    pub fn with_command(mut self, change: impl FnOnce(CommandWorker) -> CommandWorker) -> Self {
        self.settings.command = change(self.settings.command);
        self
    }

    /// With other limits than the defaults.
    #[must_use]
    pub fn with_limits(mut self, limits: FileLimits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// With the items' folders here; else they are [temporary](Folders::temporary), and nothing
    /// outlasts its attempt.
    #[must_use]
    pub fn with_folders(mut self, folders: Folders) -> Self {
        self.folders = folders;
        self
    }

    /// On another clock than the system's: it must be the queue's, whose deadlines are kept.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.settings.command = self.settings.command.clock(Arc::clone(&clock));
        self.settings.clock = clock;
        self
    }

    /// What was fetched, run and sent since it was made.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.settings.counts.all.clone()
    }
}

impl fmt::Debug for FileWorker {
    /// Without addresses and environment, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileWorker").field(&self.settings.command).finish()
    }
}
