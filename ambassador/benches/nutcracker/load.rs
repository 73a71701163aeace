use std::{
    io::Write,
    process::{Command, Stdio},
};

const KEYS: usize = 100_000;

/// What is asked of a proxy, by `redis-benchmark`.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) requests: usize,
    arguments: &'static [&'static str],
}

pub(crate) const LOADS: [Load; 5] = [
    Load { name: "GET", requests: 150_000, arguments: &["-t", "get"] },
    Load { name: "SET", requests: 150_000, arguments: &["-t", "set"] },
    Load { name: "GET ×16", requests: 1_000_000, arguments: &["-P", "16", "-t", "get"] },
    Load { name: "SET ×16", requests: 1_000_000, arguments: &["-P", "16", "-t", "set"] },
    Load {
        name: "MGET 10",
        requests: 60_000,
        arguments: &[
            "MGET",
            "key:__rand_int__",
            "key:__rand_int__",
            "key:__rand_int__",
            "key:__rand_int__",
            "key:__rand_int__",
            "key:__rand_int__",
            "key:__rand_int__",
            "key:__rand_int__",
            "key:__rand_int__",
            "key:__rand_int__",
        ],
    },
];

/// What `redis-benchmark` saw.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Load {
    /// Sends so many requests to whoever listens there.
    pub(crate) fn run(&self, endpoint: &str, requests: usize) -> Run {
        let (host, port) = endpoint.rsplit_once(':').expect("an endpoint has a port");
        let (keys, requests) = (KEYS.to_string(), requests.to_string());
        let common = ["-h", host, "-p", port, "-c", "50", "-d", "64", "-r", &keys, "-n", &requests, "--csv"];
        let ran = Command::new("redis-benchmark").args(common).args(self.arguments).output();
        let ran = ran.expect("redis-benchmark is beside redis-server");
        let text = String::from_utf8_lossy(&ran.stdout);
        // "test","rps","avg","min","p50","p95","p99","max"
        let line = text.lines().rfind(|line| line.starts_with('"')).expect("it prints a line of figures");
        let figures: Vec<f64> =
            line.rsplit(',').take(7).filter_map(|figure| figure.trim_matches('"').parse().ok()).collect();
        let [_, p99, _, p50, _, _, per_second] = figures[..] else { panic!("{line}") };
        Run { per_second, p50, p99 }
    }
}

/// Writes every key through whoever listens there, so that both find it where it belongs.
pub(crate) fn fill(endpoint: &str) {
    let (host, port) = endpoint.rsplit_once(':').expect("an endpoint has a port");
    let mut cli = Command::new("redis-cli");
    let mut cli = cli.args(["-h", host, "-p", port]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let cli = cli.as_mut().expect("redis-cli is beside redis-server");
    let value = "x".repeat(64);
    let mut input = std::io::BufWriter::new(cli.stdin.take().expect("it has an input"));
    for key in 0..KEYS {
        writeln!(input, "SET key:{key:012} {value}").expect("redis-cli reads");
    }
    drop(input);
    cli.wait().expect("redis-cli ends");
}
