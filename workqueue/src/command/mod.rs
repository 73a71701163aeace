//! A command as a worker.

mod argv;
mod environment;
mod exit;
mod group;
mod guard;
mod output;
mod report;
mod run;

use std::{
    ffi::{OsStr, OsString},
    fmt,
    sync::Arc,
    time::Duration,
};

use entourage_core::{Clock, SystemClock, planted};
use entourage_queue::Item;

use self::{environment::Environment, guard::Guard};
use crate::{attempt::Attempt, folder::Folders, outcome::Outcome, worker::Worker};

pub use self::{
    exit::{Ended, ExitPolicy},
    output::Output,
    report::Report,
};

/// A command as a worker, in any language: the book's worker container without the container.
///
/// Each item has a process of its own, started from this argument list and never through a
/// shell. It finds the item's data, byte for byte, in the file that `WORK_ITEM_FILE` names (and
/// `INPUT_FILE`), and ends with 0 when the work is done; [`ExitPolicy`] has the other ends.
/// In an argument, `$(WORK_ITEM_FILE)` and the like are replaced.
///
/// | variable | what it holds |
/// |---|---|
/// | `WORK_ITEM_FILE`, `INPUT_FILE` | the path of a file, mode 0600, with the item's data |
/// | `ENTOURAGE_ITEM` | the item's id |
/// | `ENTOURAGE_ATTEMPT` | the number of the attempt, from 1 |
/// | `ENTOURAGE_FENCE`, `…_SCOPE`, `…_REALM` | the attempt's fence: its epoch, in decimal; scope; realm |
/// | `ENTOURAGE_DEADLINE_SECONDS` | in how many seconds it has SIGTERM; absent if never |
///
/// It leads a process group of its own, in the folder of the item, without input. When its time
/// is over or the attempt is cancelled, the group has SIGTERM, and SIGKILL after a grace; when
/// the leader has ended, or the future is dropped, what is left of the group has SIGKILL at once.
/// A program that is killed itself leaves nothing running, but for a command that it is starting
/// at that very moment: a guard process sees to it. What leaves the group (`setsid`) is on its own.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use entourage_workqueue::CommandWorker;
///
/// let worker = CommandWorker::new("ffmpeg")
///     .args(["-i", "$(WORK_ITEM_FILE)", "-frames:v", "1", "thumbnail.png"])
///     .time_limit(Duration::from_secs(600))
///     .memory_limit(2 << 30);
/// # drop(worker);
/// ```
#[derive(Clone)]
pub struct CommandWorker {
    argv: Vec<OsString>,
    environment: Environment,
    folders: Folders,
    policy: ExitPolicy,
    time_limit: Option<Duration>,
    grace: Duration,
    memory: Option<u64>,
    output: usize,
    clock: Arc<dyn Clock>,
    guard: Arc<Guard>,
    listener: Option<Listener>,
}

/// Is told of each command that has ended.
type Listener = Arc<dyn Fn(&Report) + Send + Sync>;

impl CommandWorker {
    /// The program at this path, or of this name in `PATH`, as a worker.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            argv: vec![program.into()],
            environment: Environment::default(),
            folders: Folders::temporary(),
            policy: ExitPolicy::new(),
            time_limit: None,
            grace: Duration::from_secs(10),
            memory: None,
            output: 64 * 1024,
            clock: Arc::new(SystemClock::new()),
            guard: Arc::default(),
            listener: None,
        }
    }

    /// With another argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.argv.push(argument.as_ref().to_owned());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args(self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// With this variable in its environment, also in place of one of the table's.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.variables.insert(name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self
    }

    /// Without this variable in its environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.variables.insert(name.as_ref().to_owned(), None);
        self
    }

    /// Inheriting nothing of this program's environment but `PATH`; else it inherits all, also
    /// passwords.
    #[must_use]
    pub const fn env_clear(mut self) -> Self {
        self.environment.is_clean = true;
        self
    }

    /// With the items' folders here; else they are [temporary](Folders::temporary). As a step of
    /// a [`MultiWorker`](crate::MultiWorker) it shares the folder of that.
    #[must_use]
    pub fn folders(mut self, folders: Folders) -> Self {
        self.folders = folders;
        self
    }

    /// With another meaning of its exit status.
    #[must_use]
    pub fn exit_policy(mut self, policy: ExitPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Ended when it has run for this long; else only the attempt's deadline ends it.
    #[must_use]
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// With this long between SIGTERM and SIGKILL; 10 s if not said, and never more than a
    /// quarter of the time that the attempt has.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// With at most this many bytes of address space for each of its processes (`RLIMIT_AS`).
    ///
    /// It is of each process and not of all together, it counts what is reserved and not only
    /// what is used (Java, Go and sanitizers reserve much), and it holds from the moment after
    /// the start: a limit for all together is a control group's.
    #[must_use]
    pub const fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Keeping this many bytes of each of its streams, half of them from the beginning and half
    /// from the end; 64 KiB if not said. The rest is read and counted.
    #[must_use]
    pub const fn output_limit(mut self, bytes: usize) -> Self {
        self.output = bytes;
        self
    }

    /// On another clock than the system's: it must be the queue's, whose deadlines are kept.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Telling of each command that has ended. It must not block.
    #[must_use]
    pub fn on_report(mut self, listener: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// With these in place of its program; its arguments come behind.
    pub(crate) fn with_program(mut self, program: impl IntoIterator<Item = OsString>) -> Self {
        self.argv.splice(..1, program);
        self
    }

    /// Tells of an attempt, to its listener and to the log.
    fn tell(&self, report: &Report) {
        let Report { item, attempt, ended, outcome, stderr, .. } = report;
        match outcome {
            Outcome::Done => tracing::debug!(%item, attempt, %ended, "a command is done"),
            _ => {
                let said = stderr.last_line();
                tracing::warn!(%item, attempt, %ended, said, ?outcome, "a command is not done");
            }
        }
        if let Some(listener) = &self.listener {
            listener(report);
        }
    }
}

#[async_trait::async_trait]
impl Worker for CommandWorker {
    /// # Panics
    /// Outside of a runtime of tokio whose I/O is enabled.
    async fn work(&self, item: &Item, attempt: &Attempt) -> Outcome {
        let report = self.run(item, attempt).await;
        self.tell(&report);
        if matches!(report.outcome, Outcome::Retry(_)) && !planted("command-gives-no-reason") {
            attempt.explain(report.reason());
        }
        report.outcome
    }
}

impl fmt::Debug for CommandWorker {
    /// Without its environment, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandWorker").field(&self.argv).finish()
    }
}
