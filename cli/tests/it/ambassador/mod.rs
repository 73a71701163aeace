//! `entourage ambassador shard`: pools of a nutcracker.yml before real servers.

mod descriptors;
mod followed;
mod log;
mod served;
mod stats;
mod usage;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use entourage_testkit::{Finished, Process, Redis, Requirement, Scratch, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::entourage;

const PATIENCE: Duration = Duration::from_secs(60);

/// Three servers of Redis, and a configuration of one pool over them.
struct Site {
    // Before the directory, so that they are dead when that is removed.
    shards: [Redis; 3],
    scratch: Scratch,
}

impl Site {
    /// None where this machine has no Redis.
    fn new() -> Option<Self> {
        if !Requirement::from(Redis::available()).is_met("redis") {
            return None;
        }
        let site = Self { shards: Redis::shards(), scratch: Scratch::new() };
        site.write(&site.config(""));
        Some(site)
    }

    fn file(&self) -> PathBuf {
        self.scratch.join("nutcracker.yml")
    }

    /// Puts a configuration in the place of the one before, at once.
    fn write(&self, config: &str) {
        let new = self.scratch.join("new.yml");
        fs::write(&new, config).expect("it can be written");
        fs::rename(new, self.file()).expect("it can be renamed");
    }

    /// The pool `alpha`, with these keys beside those that it needs.
    fn config(&self, more: &str) -> String {
        self.config_at(&self.scratch.join("alpha.sock").display().to_string(), more)
    }

    fn config_at(&self, listen: &str, more: &str) -> String {
        let mut config = format!(
            "alpha:\n  listen: {listen}\n  redis: true\n  timeout: 5000\n  auto_eject_hosts: true\n{more}  servers:\n"
        );
        for (number, shard) in self.shards.iter().enumerate() {
            config.push_str(&format!("   - {}:1 shard-{number}\n", shard.endpoint()));
        }
        config
    }

    fn start(&self, flags: &[&str]) -> Proxy {
        let program = entourage().args(["ambassador", "shard", "--stats-port", "0", "--admin", "0", "-c"]);
        let process = program.arg(self.file()).args(flags).start();
        Proxy { process, socket: self.scratch.join("alpha.sock") }
    }

    /// Which shard has this key.
    fn place(&self, key: &str) -> usize {
        let has = |shard: &Redis| shard.cli(["EXISTS", key]).succeeded().stdout.trim() == "1";
        let places: Vec<_> = (0..self.shards.len()).filter(|place| has(&self.shards[*place])).collect();
        assert_eq!(places.len(), 1, "{key} is on one shard: {places:?}");
        places[0]
    }
}

/// The program, serving.
struct Proxy {
    process: Process,
    socket: PathBuf,
}

impl Proxy {
    fn client(&self) -> Client {
        let stream = eventually(PATIENCE, "the pool is served", || UnixStream::connect(&self.socket).ok());
        stream.set_read_timeout(Some(PATIENCE)).expect("a time is given");
        Client(BufReader::new(stream))
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.pid()).ok().and_then(Pid::from_raw).expect("it has a number");
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits until so many lines of the log have this in them.
    fn says(&self, what: &str, times: usize) {
        eventually(PATIENCE, &format!("{what:?} is in the log {times} times"), || {
            (self.process.stderr().matches(what).count() >= times).then_some(())
        });
    }

    /// Where the statistics are told.
    fn stats_address(&self) -> String {
        self.says("the statistics are told", 1);
        let log = self.process.stderr();
        let line = log.lines().find(|line| line.contains("the statistics are told")).expect("it is there");
        let line: Value = serde_json::from_str(line).expect("it is JSON");
        line["fields"]["address"].as_str().expect("it names the address").to_owned()
    }

    fn stats(&self) -> Value {
        serde_json::from_str(&told(&self.stats_address(), b"")).expect("it is JSON")
    }

    /// Ends it as an operator does, and demands that it ends well.
    fn end(mut self) -> Finished {
        self.process.terminate();
        let ended = self.process.wait(PATIENCE);
        assert!(ended.status.success(), "{ended:?}");
        assert!(!self.socket.exists(), "the socket is gone");
        ended
    }
}

/// What whoever connects there is told, up to the end.
fn told(address: &str, asks: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("the statistics are told");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time is given");
    stream.write_all(asks).expect("it can be sent");
    let mut told = String::new();
    stream.read_to_string(&mut told).expect("it ends");
    told
}

/// A client of a pool of Redis.
struct Client(BufReader<UnixStream>);

impl Client {
    /// The answer to a command, the parts of a list with blanks between them.
    fn ask(&mut self, command: &[&str]) -> String {
        self.send(command);
        self.answer()
    }

    fn send(&mut self, command: &[&str]) {
        let mut request = format!("*{}\r\n", command.len());
        for word in command {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.0.get_mut().write_all(request.as_bytes()).expect("it can be sent");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("an answer comes");
        let line = line.trim_end();
        let (kind, rest) = line.split_at(1);
        let number = || rest.parse::<i64>().expect("a length is a number");
        match kind {
            "$" if number() >= 0 => {
                let mut bytes = vec![0; usize::try_from(number()).expect("it is not negative") + 2];
                self.0.read_exact(&mut bytes).expect("an answer is whole");
                String::from_utf8_lossy(&bytes[..bytes.len() - 2]).into_owned()
            }
            "*" => (0..number()).map(|_| self.answer()).collect::<Vec<_>>().join(" "),
            _ => line.to_owned(),
        }
    }
}
