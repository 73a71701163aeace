//! A replica as a process of this one.

use std::{
    env, io,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc::UnboundedSender;

use crate::event::Event;

/// What came from a replica's standard output.
#[derive(Debug)]
pub struct Told {
    /// Whose it is: the replica's place, and which of its lives.
    pub place: usize,
    pub life: u32,
    /// An event, or what was unreadable; `None` when the process has ended.
    pub said: Option<Result<Event>>,
}

/// A replica as a process; killed when it is dropped.
#[derive(Debug)]
pub struct Child {
    /// With its standard input, which ends when this process does.
    process: std::process::Child,
    pub life: u32,
}

impl Child {
    /// Starts this program again as one replica. The store goes by the environment, where no other
    /// user reads its password.
    pub fn start(
        name: &str,
        store: &str,
        ttl: Duration,
        (place, life): (usize, u32),
        tell: UnboundedSender<Told>,
    ) -> Result<Self> {
        let program = env::current_exe().context("the system does not say which program this is")?;
        let mut process = Command::new(program)
            .args(["--replica", name, "--tethered", "--ttl", &format!("{}ms", ttl.as_millis())])
            .env("ENTOURAGE_SINGLETON_STORE", store)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0) // Ctrl-C is for this process, which ends the replica.
            .spawn()
            .with_context(|| format!("cannot start replica {name}"))?;
        let output = process.stdout.take();
        let child = Self { process, life };
        let output = output.context("the replica's output is not piped")?;
        thread::spawn(move || listen(output, place, life, &tell));
        Ok(child)
    }

    /// Ends it at once, with no chance to release anything.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Asks it to release what it has and end.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Makes it stand still in the middle of whatever it does.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on, unaware of the pause.
    pub fn go_on(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// It has not been waited for, so its number is no other's.
    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), signal)?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Passes on what a replica says, line by line, until it has ended.
fn listen(output: ChildStdout, place: usize, life: u32, tell: &UnboundedSender<Told>) {
    let mut lines = BufReader::new(output);
    let mut line = String::new();
    // The last line of a killed process may be half a line.
    while lines.read_line(&mut line).is_ok() && line.ends_with('\n') {
        let event = line.trim_end().parse::<Event>().map_err(Into::into);
        if tell.send(Told { place, life, said: Some(event) }).is_err() {
            return;
        }
        line.clear();
    }
    let _ = tell.send(Told { place, life, said: None });
}
