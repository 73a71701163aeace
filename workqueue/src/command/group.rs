//! A command with all that it starts.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{ChildStderr, ChildStdout, Command},
    sync::Arc,
    thread,
    time::Duration,
};

use entourage_core::{Clock, planted, sleep};
use rustix::{
    io::Errno,
    process::{
        Pid, PidfdFlags, Resource, Rlimit, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process,
        kill_process_group, pidfd_open, prlimit, test_kill_process_group, waitid,
    },
};
use tokio::io::{Interest, unix::AsyncFd};

use super::{exit::Ended, guard::Guard};
use crate::folder::Folder;

/// A command with all that it starts, as far as they stay in its process group.
///
/// The leader is not reaped before the group has been killed: until then its number can be
/// nobody else's. Dropped, the group is killed, and reaped by a thread if that takes a moment.
pub(super) struct Group {
    leader: Pid,
    /// Readable when the leader has ended; absent where the kernel does not offer it.
    news: Option<AsyncFd<OwnedFd>>,
    guard: Arc<Guard>,
    /// Given free when nobody writes to it any more.
    folder: Option<Folder>,
    is_reaped: bool,
}

/// What a group says, while it runs.
pub(super) struct Streams {
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Group {
    /// How long what was killed may take to be gone, before this is said and lived with.
    const GONE: Duration = Duration::from_secs(5);
    /// The longest wait between two looks where the kernel tells nothing.
    const LOOK: Duration = Duration::from_millis(20);

    /// Starts `command`, whose output is piped, as a group of its own.
    pub(super) fn spawn(
        command: &mut Command,
        guard: &Arc<Guard>,
        folder: Folder,
        memory: Option<u64>,
    ) -> io::Result<(Self, Streams)> {
        guard.stand_by();
        let mut child = command.process_group(0).spawn()?;
        let leader = Pid::from_child(&child);
        let mut group =
            Self { leader, news: None, guard: Arc::clone(guard), folder: Some(folder), is_reaped: false };
        guard.watch(leader);
        if let Some(bytes) = memory {
            group.limit(bytes)?;
        }
        group.news = news(leader)?;
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        Ok((group, Streams { stdout, stderr }))
    }

    /// Limits the address space of the leader, and so of each process that it starts from now on.
    fn limit(&self, bytes: u64) -> io::Result<()> {
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        match prlimit(Some(self.leader), Resource::As, limit) {
            Ok(_) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until the leader has ended. Cancel-safe.
    pub(super) async fn ended(&self, clock: &dyn Clock) {
        let mut wait = Duration::from_millis(1);
        while !self.has_ended() {
            let told = match &self.news {
                Some(news) => news.readable().await.map(|mut ready| ready.clear_ready()),
                None => Err(io::ErrorKind::Unsupported.into()),
            };
            if told.is_err() {
                sleep(clock, wait).await;
                wait = (wait * 2).min(Self::LOOK);
            }
        }
    }

    /// Whether the leader has ended; it is not reaped by this.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // An error says that somebody else has reaped it, as where SIGCHLD is ignored.
        !matches!(waitid(WaitId::Pid(self.leader), options), Ok(None))
    }

    /// Asks all of it to end; one that is stopped hears of it too.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
    }

    /// Ends all of it, and returns how the leader ended when nothing of the group is left.
    ///
    /// # Cancel safety
    /// Dropped, the group is ended by [`Drop`].
    pub(super) async fn end(mut self, clock: &dyn Clock) -> Ended {
        if !planted("command-forgets-the-group") {
            self.signal(Signal::KILL);
        }
        self.ended(clock).await;
        self.guard.forget(self.leader);
        self.is_reaped = true;
        let status = waitid(WaitId::Pid(self.leader), WaitIdOptions::EXITED);
        let until = clock.now() + Self::GONE;
        let mut wait = Duration::from_millis(1);
        while !planted("command-forgets-the-group") && self.has_others() {
            if until <= clock.now() {
                tracing::warn!(group = %self.leader, "a process that was killed is not gone");
                break;
            }
            sleep(clock, wait).await;
            wait = (wait * 2).min(Self::LOOK);
        }
        ended_by(status)
    }

    /// Whether something of the group lives on after its leader, which was reaped.
    fn has_others(&self) -> bool {
        if test_kill_process_group(self.leader) != Ok(()) {
            return false;
        }
        // As the first process of a container this one inherits them, and nobody else reaps.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        while let Ok(Some(_)) = waitid(WaitId::Pgid(Some(self.leader)), options) {}
        lives(self.leader)
    }

    fn signal(&self, signal: Signal) {
        let sent = match planted("command-forgets-the-group") {
            true => kill_process(self.leader, signal),
            false => kill_process_group(self.leader, signal),
        };
        match sent {
            // Who has ended needs no signal.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => tracing::warn!(%error, group = %self.leader, "a command could not be signalled"),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.is_reaped || planted("command-leaves-orphans") {
            return;
        }
        self.signal(Signal::KILL);
        self.guard.forget(self.leader);
        let leader = self.leader;
        let now = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        if !matches!(waitid(WaitId::Pid(leader), now), Ok(None)) {
            return;
        }
        // Death by SIGKILL is a matter of a millisecond, but for who waits for a disk.
        let folder = self.folder.take();
        let reaper = thread::Builder::new().name("entourage-reaper".into()).spawn(move || {
            let reaped = waitid(WaitId::Pid(leader), WaitIdOptions::EXITED);
            drop((reaped, folder));
        });
        if let Err(error) = reaper {
            tracing::warn!(%error, "no thread for a command that was killed: it is waited for here");
            let _ = waitid(WaitId::Pid(leader), WaitIdOptions::EXITED);
        }
    }
}

/// What becomes readable when this process ends; `None` where the kernel does not offer it, as
/// before Linux 5.3 or under an old filter of a container.
#[expect(deprecated, reason = "sound for an OwnedFd, which is one descriptor until it is dropped")]
fn news(leader: Pid) -> io::Result<Option<AsyncFd<OwnedFd>>> {
    match pidfd_open(leader, PidfdFlags::empty()) {
        Ok(fd) => AsyncFd::with_interest(fd, Interest::READABLE).map(Some),
        Err(_) => Ok(None),
    }
}

fn ended_by(status: rustix::io::Result<Option<WaitIdStatus>>) -> Ended {
    let unseen = || Ended::NotStarted("its exit status was taken by another part of the program".into());
    let Ok(Some(status)) = status else { return unseen() };
    let signalled = || status.terminating_signal().map(Ended::Signalled);
    status.exit_status().map(Ended::Exited).or_else(signalled).unwrap_or_else(unseen)
}

/// Whether a process of this group runs: one that has ended and is not reaped does not.
fn lives(group: Pid) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    let group = group.as_raw_pid().to_string();
    processes.flatten().any(|process| {
        let is_process = process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
        is_process && fs::read_to_string(process.path().join("stat")).is_ok_and(|stat| is_of(&stat, &group))
    })
}

/// Whether this line of `/proc/PID/stat` is of a living process of this group.
fn is_of(stat: &str, group: &str) -> bool {
    // The name, in parentheses, may hold anything: state, parent and group come after it.
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let mut fields = fields.split_ascii_whitespace();
    let is_living = fields.next().is_some_and(|state| !matches!(state, "Z" | "X"));
    is_living && fields.nth(1) == Some(group)
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn a_group_is_read_behind_a_name_that_may_hold_anything() {
        assert!(is_of("17 (a) Z 1) S 1 42 42 0 -1", "42"));
        assert!(!is_of("17 (a) S 1 42 42 0 -1", "1"));
        assert!(!is_of("17 (a) Z 1 42 42 0 -1", "42"), "it has ended");
        assert!(!is_of("", "42"));
    }
}
