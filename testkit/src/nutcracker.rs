//! nutcracker, which is twemproxy, as a peer to be compared with.

use std::{fs, net::SocketAddr};

use crate::{
    daemon::{self, Daemon, READY},
    eventually::eventually,
    loopback::{ask, free_address, placed},
    process::{Finished, Process},
    program::Program,
    scratch::Scratch,
    tool,
};

/// A real nutcracker on loopback; killed when it is dropped.
///
/// ```no_run
/// use entourage_testkit::{Memcached, Nutcracker};
///
/// let shard = Memcached::start();
/// let nutcracker = Nutcracker::start(&format!(
///     "alpha:\n  listen: {{listen}}\n  servers:\n   - {}:1 shard\n",
///     shard.endpoint(),
/// ));
/// println!("{}", nutcracker.endpoint());
/// assert!(nutcracker.stats().contains("alpha"));
/// ```
#[derive(Debug)]
pub struct Nutcracker {
    // Before the directory, so that it is dead when that is removed.
    process: Process,
    program: Program,
    endpoints: Vec<SocketAddr>,
    stats: SocketAddr,
    _scratch: Scratch,
}

impl Nutcracker {
    /// Whether this machine has `nutcracker`.
    ///
    /// # Errors
    /// That it has not.
    pub fn available() -> Result<(), String> {
        tool::run("nutcracker", ["--version"]).map(drop)
    }

    /// Whether `nutcracker --test-conf` takes a file of these bytes.
    ///
    /// A name to listen at is resolved, whatever that takes.
    ///
    /// # Panics
    /// If it cannot be run, or does not end.
    #[must_use]
    #[track_caller]
    pub fn accepts(config: impl AsRef<[u8]>) -> bool {
        let scratch = Scratch::new();
        let file = scratch.join("nutcracker.yml");
        fs::write(&file, config).expect("a temporary directory can be written to");
        // Where no server of names answers, that is to be known soon.
        let program = Program::new(path())
            .env("RES_OPTIONS", "attempts:1 timeout:1")
            .arg("--test-conf")
            .arg("--conf-file")
            .arg(&file);
        let Finished { status, stderr, .. } = program.start().wait(READY);
        // A status of its own, and a sentence: a crash is no verdict.
        assert!(status.code().is_some_and(|code| code < 2), "nutcracker crashed: {status}\n{stderr}");
        status.success()
    }

    /// Starts it with a configuration, in which each `{listen}` becomes an address of its own.
    ///
    /// Returns when all of them take connections.
    ///
    /// # Panics
    /// If it cannot be started, refuses the configuration, or is not ready in time.
    #[must_use = "it is killed when it is dropped"]
    #[track_caller]
    pub fn start(config: &str) -> Self {
        Self::start_with(&[], config)
    }

    /// The same with more flags of `nutcracker`.
    ///
    /// # Panics
    /// As [`Nutcracker::start`].
    #[must_use = "it is killed when it is dropped"]
    #[track_caller]
    pub fn start_with(flags: &[&str], config: &str) -> Self {
        daemon::start("nutcracker", |_| {
            let scratch = Scratch::new();
            let (config, endpoints) = placed(config);
            let stats = free_address();
            let file = scratch.join("nutcracker.yml");
            fs::write(&file, config).expect("a temporary directory can be written to");
            let program = Program::new(path())
                .arg("--conf-file")
                .arg(&file)
                // Its log where it is captured, and nothing in the system's directories.
                .args(["--output", "/dev/stderr", "--pid-file"])
                .arg(scratch.join("pid"))
                .args(["--stats-addr", "127.0.0.1", "--stats-port", &stats.port().to_string()])
                .args(flags);
            let process = program.start();
            Self { process, program, endpoints, stats, _scratch: scratch }
        })
    }

    /// Where clients find the first pool, as `host:port`.
    ///
    /// # Panics
    /// If no pool listens at a `{listen}`.
    #[must_use]
    #[track_caller]
    pub fn endpoint(&self) -> String {
        self.endpoints.first().expect("a pool listens at an address of its own").to_string()
    }

    /// Where clients find the pools, in the order of the file.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.endpoints.iter().map(ToString::to_string).collect()
    }

    /// Its process, whose memory and time may be looked at.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its counts, as the JSON that it says.
    ///
    /// # Panics
    /// If it says nothing.
    #[must_use]
    #[track_caller]
    pub fn stats(&self) -> String {
        let said =
            ask(self.stats, b"", None).unwrap_or_else(|error| panic!("no counts of nutcracker: {error}"));
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Kills it (`SIGKILL`); returns when it is dead.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Starts it again where it was; returns when it is ready.
    ///
    /// # Panics
    /// If it is not ready in time.
    #[track_caller]
    pub fn restart(&mut self) {
        self.process.kill9();
        self.process = self.program.start();
        eventually(READY, "nutcracker is ready again", || self.is_ready().then_some(()));
    }

    /// Freezes it (`SIGSTOP`).
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

    /// Asks it to end (`SIGTERM`) and waits until it has.
    ///
    /// # Panics
    /// If it does not end in time.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "that it has ended is what is wanted")]
    pub fn stop(mut self) -> Finished {
        self.process.resume();
        self.process.terminate();
        self.process.wait(READY)
    }
}

impl Daemon for Nutcracker {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn is_ready(&self) -> bool {
        // It says its counts and closes; a pool's listener answers nothing and closes with us.
        let takes = |address: &SocketAddr| std::net::TcpStream::connect(address).is_ok();
        self.endpoints.iter().all(takes) && ask(self.stats, b"", None).is_ok_and(|said| !said.is_empty())
    }

    fn has_lost_its_port(&self) -> bool {
        self.said().contains("Address already in use")
    }

    fn said(&self) -> String {
        self.process.stderr()
    }
}

#[track_caller]
fn path() -> std::path::PathBuf {
    tool::find("nutcracker").expect("nutcracker is installed")
}
