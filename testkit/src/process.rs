//! A process that a test has started.

use std::{
    process::{Child, ExitStatus},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::{
    capture::{Capture, Line},
    eventually::poll,
};

/// A process that a test has started, and with it what it starts.
///
/// It leads a process group of its own. When this is dropped the group is killed, paused or
/// not, and the process is reaped. Signals go to that group and only while the process has not
/// been reaped, because until then no other can be given its number.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: Capture,
    stderr: Capture,
    status: Option<ExitStatus>,
}

/// How a process ended, and what it said.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, or the newest of it.
    pub stdout: String,
    /// Its standard error, or the newest of it.
    pub stderr: String,
}

impl Finished {
    /// Itself, if the exit status is 0.
    ///
    /// # Panics
    /// If it is not, with what the process said.
    #[must_use]
    #[track_caller]
    pub fn succeeded(self) -> Self {
        let Self { status, stdout, stderr } = &self;
        assert!(status.success(), "{status}\n-- stdout\n{stdout}\n-- stderr\n{stderr}");
        self
    }
}

impl Process {
    /// How long a dead process's streams may take to end.
    const STREAMS: Duration = Duration::from_secs(5);

    pub(crate) fn new(name: String, mut child: Child, bound: usize) -> Self {
        let stdout = Capture::of(child.stdout.take().expect("it is piped"), bound);
        let stderr = Capture::of(child.stderr.take().expect("it is piped"), bound);
        Self { name, child, stdout, stderr, status: None }
    }

    /// Its number, which is also its group's.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended; a paused one has not.
    pub fn is_running(&mut self) -> bool {
        self.try_reap().is_none()
    }

    /// Its standard output so far, or the newest of it.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Its standard error so far, or the newest of it.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits for a line of its standard output that passes `test`, and returns it.
    ///
    /// Every whole line is looked at once: the next wait goes on behind the line found.
    ///
    /// # Panics
    /// Once `deadline` has passed, or its output has ended without such a line: it says that
    /// `what` was not said, and what was.
    #[track_caller]
    pub fn wait_line(&self, what: &str, test: impl FnMut(&str) -> bool, deadline: Duration) -> String {
        match self.stdout.wait_line(deadline, test) {
            Line::Found(line) => line,
            Line::Ended => panic!("{} ended without saying {what}{}", self.name, self.transcript()),
            Line::TimedOut => {
                panic!("{} has not said {what} within {deadline:?}{}", self.name, self.transcript())
            }
        }
    }

    /// Ends it at once with `SIGKILL`, and all of its group; returns when it is dead.
    ///
    /// A process that has ended already stays as it ended.
    pub fn kill9(&mut self) {
        if self.try_reap().is_none() {
            self.signal_group(Signal::KILL);
            self.reap();
        }
    }

    /// Stops its whole group (`SIGSTOP`); returns when the process stands still, or has ended.
    ///
    /// # Panics
    /// If it has ended before.
    #[track_caller]
    pub fn pause(&mut self) {
        assert!(self.is_running(), "{} has ended and cannot be paused{}", self.name, self.transcript());
        self.signal_group(Signal::STOP);
        // Without taking the report away: the same stop must answer a second call too.
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(self.id()), options).expect("the process is a child of this one");
    }

    /// Lets a paused group go on (`SIGCONT`).
    pub fn resume(&mut self) {
        if self.is_running() {
            self.signal_group(Signal::CONT);
        }
    }

    /// Asks the process to end (`SIGTERM`), and not its group; a paused one hears of it when
    /// it is resumed.
    pub fn terminate(&mut self) {
        if self.is_running() {
            // It can only have died since, and is a zombie then, which takes every signal.
            let _ = kill_process(self.id(), Signal::TERM);
        }
    }

    /// Waits for its end. What is left of its group then is killed.
    ///
    /// # Panics
    /// Once `deadline` has passed, with what it has said until then.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> Finished {
        let Some(status) = poll(deadline, || self.try_reap()) else {
            panic!("{} has not ended within {deadline:?}{}", self.name, self.transcript());
        };
        for stream in [&self.stdout, &self.stderr] {
            stream.wait_end(Self::STREAMS);
        }
        Finished { status, stdout: self.stdout(), stderr: self.stderr() }
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// How it ended, if it has.
    fn try_reap(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let ended = waitid(WaitId::Pid(self.id()), options).expect("the process is a child of this one");
            if ended.is_some() {
                self.reap();
            }
        }
        self.status
    }

    /// Waits for the end of a process that has ended or is about to.
    fn reap(&mut self) {
        // Before the wait: while the process is a zombie its number still names its group.
        self.signal_group(Signal::KILL);
        self.status = Some(self.child.wait().expect("a child can be waited for once"));
    }

    fn signal_group(&self, signal: Signal) {
        debug_assert!(self.status.is_none(), "the group's number may be another's by now");
        // A group whose processes are all dead takes every signal.
        let _ = kill_process_group(self.id(), signal);
    }

    fn transcript(&self) -> String {
        format!("\n-- stdout\n{}\n-- stderr\n{}", tail(&self.stdout()), tail(&self.stderr()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.reap();
        }
    }
}

/// The last lines, for a message.
fn tail(text: &str) -> &str {
    const LINES: usize = 20;
    let start = text.trim_end().rmatch_indices('\n').nth(LINES - 1).map_or(0, |(at, _)| at + 1);
    &text[start..]
}
