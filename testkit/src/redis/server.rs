//! One server of Redis.

use std::{
    ffi::OsStr,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{
    daemon::{self, Daemon, READY},
    loopback::free_address,
    process::{Finished, Process},
    program::Program,
    scratch::Scratch,
};

/// How long one look at a server may take.
const LOOK: Duration = Duration::from_secs(1);

/// One server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) process: Process,
    program: Program,
    address: SocketAddr,
}

impl Server {
    /// Starts a server with its data in a directory of this name; returns when it is ready.
    #[track_caller]
    pub(super) fn start(name: &str, flags: &[&str], scratch: &Scratch) -> Self {
        daemon::start("redis", |number| {
            let data = scratch.join(format!("{number}-{name}"));
            std::fs::create_dir(&data).expect("a temporary directory can be written to");
            let address = free_address();
            let program = Program::new("redis-server")
                .args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--dir"])
                .arg(&data)
                .args(["--daemonize", "no", "--loglevel", "warning", "--enable-debug-command", "yes"])
                // Nothing on the disk, and replicas that need not wait.
                .args(["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"])
                .args(flags);
            Self { process: program.start(), program, address }
        })
    }

    pub(super) fn endpoint(&self) -> String {
        self.address.to_string()
    }

    /// Kills it, and starts it on its data.
    #[track_caller]
    pub(super) fn restart(&mut self) {
        self.process.kill9();
        self.process = self.program.start();
    }

    /// One field of a section of what it says of itself.
    pub(super) fn info(&self, section: &str, field: &str) -> Option<String> {
        let said = self.cli(["INFO", section]);
        let value = |line: &str| line.strip_prefix(field)?.strip_prefix(':').map(str::to_owned);
        said.stdout.lines().find_map(|line| value(line.trim_end()))
    }

    /// Runs `redis-cli` on it; an error of the server's is a failure.
    #[track_caller]
    pub(super) fn cli(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Finished {
        self.begin(args).wait(READY)
    }

    /// Starts `redis-cli` on it.
    #[track_caller]
    pub(super) fn begin(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Process {
        let port = self.address.port().to_string();
        Program::new("redis-cli").args(["-e", "-p", &port]).args(args).start()
    }

    /// The first line of its answer to a command without arguments.
    fn ask(&self, command: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, LOOK)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(LOOK))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = Vec::new();
        let mut chunk = [0; 256];
        while !answer.contains(&b'\n') {
            match stream.read(&mut chunk)? {
                0 => break,
                read => answer.extend_from_slice(&chunk[..read]),
            }
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

impl Daemon for Server {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Whether it answers, and has loaded its data; one that wants a password has.
    fn is_ready(&self) -> bool {
        self.ask("PING").is_ok_and(|answer| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH"))
    }

    fn has_lost_its_port(&self) -> bool {
        self.said().contains("Address already in use")
    }

    /// It writes its log to its standard output, and what is wrong with its flags to the other.
    fn said(&self) -> String {
        self.process.stdout() + &self.process.stderr()
    }
}
