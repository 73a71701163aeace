//! A server of memcached on this machine.

use std::{io, net::SocketAddr};

use rustix::process::getuid;

use crate::{
    daemon::{self, Daemon, READY},
    eventually::eventually,
    loopback::{ask, free_address},
    process::Process,
    program::Program,
    tool,
};

/// The request whose answer is always the same and always the last.
const NOTHING: &str = "mn\r\n";
const NOTHING_DONE: &str = "MN\r\n";

/// A server of memcached on loopback, with 64 MiB of memory; killed when it is dropped.
///
/// ```no_run
/// use entourage_testkit::Memcached;
///
/// let mut memcached = Memcached::start();
/// assert_eq!(memcached.ask("set k 0 0 1\r\nv"), "STORED\r\n");
/// assert_eq!(memcached.ask("get k"), "VALUE k 0 1\r\nv\r\nEND\r\n");
/// memcached.kill9();
/// memcached.restart();
/// assert_eq!(memcached.ask("get k"), "END\r\n", "it keeps nothing");
/// ```
#[derive(Debug)]
pub struct Memcached {
    process: Process,
    program: Program,
    address: SocketAddr,
}

impl Memcached {
    /// Whether this machine has `memcached`, of 1.6 or newer.
    ///
    /// # Errors
    /// What is missing.
    pub fn available() -> Result<(), String> {
        let version = tool::run("memcached", ["--version"])?;
        let numbers: Vec<u32> = version
            .trim()
            .rsplit(' ')
            .next()
            .unwrap_or_default()
            .split('.')
            .map_while(|n| n.parse().ok())
            .collect();
        match numbers[..] {
            [major, minor, ..] if (major, minor) >= (1, 6) => Ok(()),
            _ => Err(format!("{} is older than 1.6", version.trim())),
        }
    }

    /// A server, which is ready.
    ///
    /// # Panics
    /// If it cannot be started, or is not ready in time.
    #[must_use = "the server is killed when it is dropped"]
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more flags of `memcached`, whenever it is started.
    ///
    /// # Panics
    /// As [`Memcached::start`]; a flag that the server does not know ends it before it is ready.
    #[must_use = "the server is killed when it is dropped"]
    #[track_caller]
    pub fn start_with(flags: &[&str]) -> Self {
        daemon::start("memcached", |_| {
            let address = free_address();
            let mut program = Program::new(tool::find("memcached").expect("memcached is installed"))
                .args(["-l", "127.0.0.1", "-p", &address.port().to_string()])
                .args(["-m", "64", "-t", "1", "-U", "0"])
                .args(flags);
            if getuid().is_root() {
                // It runs as root only if it is told to.
                program = program.args(["-u", "root"]);
            }
            Self { process: program.start(), program, address }
        })
    }

    /// Where clients find it, as `host:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.address.to_string()
    }

    /// What it answers to one request or several, over a connection of its own.
    ///
    /// # Panics
    /// If it does not answer, or not in time.
    #[must_use]
    #[track_caller]
    pub fn ask(&self, request: &str) -> String {
        self.try_ask(request)
            .unwrap_or_else(|error| panic!("memcached does not answer to {request:?}: {error}"))
    }

    /// Kills it (`SIGKILL`); returns when it is dead.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Starts it again where it was, empty; returns when it is ready.
    ///
    /// # Panics
    /// If it is not ready in time.
    #[track_caller]
    pub fn restart(&mut self) {
        self.process.kill9();
        self.process = self.program.start();
        eventually(READY, "memcached is ready again", || self.is_ready().then_some(()));
    }

    /// Freezes it (`SIGSTOP`): it keeps its connections, takes new ones and says nothing.
    ///
    /// # Panics
    /// If it has ended.
    #[track_caller]
    pub fn pause(&mut self) {
        self.process.pause();
    }

    /// Lets it go on (`SIGCONT`).
    pub fn resume(&mut self) {
        self.process.resume();
    }

    fn try_ask(&self, request: &str) -> io::Result<String> {
        let answer =
            ask(self.address, format!("{request}\r\n{NOTHING}").as_bytes(), Some(NOTHING_DONE.as_bytes()))?;
        let answer = String::from_utf8_lossy(&answer);
        Ok(answer.strip_suffix(NOTHING_DONE).unwrap_or(&answer).to_owned())
    }
}

impl Daemon for Memcached {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn is_ready(&self) -> bool {
        ask(self.address, NOTHING.as_bytes(), Some(NOTHING_DONE.as_bytes())).is_ok()
    }

    fn is_itself(&mut self) -> bool {
        let own = format!("STAT pid {}\r\n", self.process.pid());
        self.try_ask("stats").is_ok_and(|stats| stats.starts_with(&own))
    }

    fn has_lost_its_port(&self) -> bool {
        let said = self.said();
        said.is_empty() || said.contains("Address already in use")
    }

    fn said(&self) -> String {
        self.process.stderr()
    }
}
