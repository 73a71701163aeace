//! A proxy that is a process of its own, so that what it takes of the machine can be measured.

use std::{env, fs, net::SocketAddr};

use entourage_ambassador::{Options, ShardProxy};
use entourage_testkit::{Process, Program};
use rustix::process::{Pid, Resource, getrlimit, prlimit, setrlimit};

use crate::{
    DEADLINE, proxy,
    reload::{self, RELOADER},
};

/// Says to this binary what it is: a proxy before these servers, or [`RELOADER`].
pub(crate) const ROLE: &str = "ENTOURAGE_PROOF_ROLE";
/// How many descriptors it may have.
const DESCRIPTORS: &str = "ENTOURAGE_PROOF_DESCRIPTORS";
/// A further line of its configuration.
const LINE: &str = "ENTOURAGE_PROOF_LINE";

/// A proxy in a process.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Child {
    /// Starts one before these servers.
    pub(crate) fn start(servers: &[String], line: &str, descriptors: u64) -> Self {
        let process = Program::this_test()
            .env(ROLE, servers.join(" "))
            .env(DESCRIPTORS, descriptors.to_string())
            .env(LINE, line)
            .start();
        let said = process.wait_line("where it listens", |line| line.starts_with("at "), DEADLINE);
        let address = said["at ".len()..].parse().expect("it says an address");
        Self { process, address }
    }

    /// Allows it so many descriptors from now on; it keeps what it has.
    pub(crate) fn lower(&self, descriptors: u64) {
        let pid = i32::try_from(self.process.pid()).ok().and_then(Pid::from_raw);
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = Some(descriptors);
        prlimit(pid, Resource::Nofile, limit).expect("it runs, and less is allowed");
    }

    /// How many bytes of memory it has.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        1024 * line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    }

    /// The ticks of processor time that it has used.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.pid())).expect("it runs");
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let number = |at: usize| fields[at].parse::<u64>().expect("a number");
        number(11) + number(12)
    }
}

/// Serves until it is killed.
pub(crate) fn run(role: &str) {
    if role == RELOADER {
        return reload::run();
    }
    let descriptors: u64 = env::var(DESCRIPTORS).ok().and_then(|text| text.parse().ok()).expect("it is said");
    raise(descriptors);
    let servers: Vec<_> = role.split(' ').map(str::to_owned).collect();
    let line = env::var(LINE).unwrap_or_default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there are descriptors");
    runtime.block_on(async {
        let mut options = Options::default();
        options.limits.clients = 50_000.try_into().expect("not zero");
        let config = proxy::config(&servers, &[&line]);
        let proxy = ShardProxy::start(config, options).await.expect("there is a free port");
        println!("at {}", proxy.addresses()[0].expect("it listens at a port"));
        std::future::pending::<()>().await;
    });
}

/// Allows this process so many descriptors, or as many as it may have; how many that are.
pub(crate) fn raise(descriptors: u64) -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(descriptors, |maximum| maximum.min(descriptors));
    limit.current = Some(most);
    setrlimit(Resource::Nofile, limit).expect("less than the hard limit is allowed");
    most
}
