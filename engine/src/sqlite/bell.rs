//! Notice of commits, this process's and others'.

use std::{
    io,
    os::fd::OwnedFd,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use entourage_core::{Clock, SystemClock, planted};
use rusqlite::Connection;
use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::{Errno, read, write},
};
use tokio::sync::watch;

use crate::sqlite::{
    counters::{Counters, count},
    job::Jobs,
    side_lock::SideLock,
};

/// How often the net is looked at, which catches writers that ring no bell.
const NET: Duration = Duration::from_millis(250);
/// How often the bell is looked at where the system cannot say that it was rung.
const WITHOUT_INOTIFY: Duration = Duration::from_millis(5);
/// How long rings are gathered, so that a busy file costs 500 looks a second at most.
const GATHERING: Duration = Duration::from_millis(2);

/// A waiter for commits to one file.
#[derive(Clone, Debug)]
pub struct Changes(watch::Receiver<u64>);

impl Changes {
    /// Waits for a commit later than the last answer, or than `changes()`, by any process.
    ///
    /// True after at least one commit; now and then after none. False when the file is
    /// closed. Commits of this process wake at once, those of others within a few
    /// milliseconds, those of programs outside this family within 250.
    ///
    /// # Cancel safety
    /// A dropped wait loses nothing: the next one answers at once.
    pub async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

/// What tells waiters of commits.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    commits: Arc<watch::Sender<u64>>,
    /// The last ring of the bell that waiters know of.
    pub(crate) heard: Arc<AtomicU64>,
}

impl Notice {
    pub(crate) fn new(rings: u64) -> Self {
        Self { commits: Arc::new(watch::Sender::new(0)), heard: Arc::new(AtomicU64::new(rings)) }
    }

    pub(crate) fn give(&self) {
        self.commits.send_modify(|commits| *commits += 1);
    }

    pub(crate) fn changes(&self) -> Changes {
        Changes(self.commits.subscribe())
    }
}

/// The thread that listens for commits of other processes.
#[derive(Debug)]
pub(crate) struct Bell {
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Bell {
    pub(crate) fn listen(listener: Listener) -> io::Result<Self> {
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let stopped = stop.try_clone()?;
        let builder = thread::Builder::new().name("entourage-bell".to_owned());
        // Before the thread begins: a commit that comes until then is news.
        let version = listener.data_version();
        let thread = builder.spawn(move || listener.run(&stopped, version))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends the thread; at once, for it waits for nothing else.
    pub(crate) fn silence(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        let told = write(&self.stop, &1_u64.to_ne_bytes()).is_ok();
        if told && thread.thread().id() != thread::current().id() {
            // A panic there has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// What the thread listens to and whom it tells.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) side: Arc<SideLock>,
    pub(crate) connection: Connection,
    pub(crate) notice: Notice,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) patience: Duration,
    pub(crate) inotify: bool,
}

impl Listener {
    fn run(self, stop: &OwnedFd, mut version: Option<i64>) {
        let inotify = if self.inotify { watched(self.side.lock_path()).ok() } else { None };
        let pause = if inotify.is_some() { NET } else { WITHOUT_INOTIFY };
        let clock = SystemClock::new();
        let mut next_net = clock.now() + NET;
        // What was committed between the opening and the watch has rung unheard.
        self.hear();
        while let Some(rung) = wait(stop, inotify.as_ref(), pause) {
            if rung {
                count(&self.counters.bells);
            }
            if rung || inotify.is_none() {
                self.hear();
            }
            let now = clock.now();
            if now >= next_net {
                next_net = now + NET;
                let seen = std::mem::replace(&mut version, self.data_version());
                if seen != version {
                    self.notice.give();
                }
                self.jobs.fail_if_stalled(now, self.patience);
            }
            if rung && wait(stop, None, GATHERING).is_none() {
                return;
            }
        }
    }

    fn hear(&self) {
        let Ok(rings) = self.side.rings() else { return };
        let is_news = self.notice.heard.swap(rings, Ordering::Relaxed) != rings;
        if is_news && !planted("bell-unheard") {
            count(&self.counters.notices);
            self.notice.give();
        }
    }

    /// Changes with every commit that this connection did not make, whoever made it.
    fn data_version(&self) -> Option<i64> {
        let mut statement = self.connection.prepare_cached("PRAGMA data_version").ok()?;
        statement.query_row([], |row| row.get(0)).ok()
    }
}

fn watched(path: &Path) -> rustix::io::Result<OwnedFd> {
    let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    inotify::add_watch(&inotify, path, WatchFlags::MODIFY)?;
    Ok(inotify)
}

/// Waits for a ring; none when told to stop.
fn wait(stop: &OwnedFd, inotify: Option<&OwnedFd>, pause: Duration) -> Option<bool> {
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(pause.subsec_nanos()) };
    let mut fds = vec![PollFd::new(stop, PollFlags::IN)];
    fds.extend(inotify.map(|fd| PollFd::new(fd, PollFlags::IN)));
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(_) => return None,
    }
    if !fds[0].revents().is_empty() {
        return None;
    }
    let rung = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
    if let (true, Some(fd)) = (rung, inotify) {
        let mut events = [0; 4096];
        while read(fd, &mut events[..]).is_ok_and(|n| n > 0) {}
    }
    Some(rung)
}
