//! The same with real servers: memcached behind the sharding proxy.

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use entourage::{
    ambassador::{
        Options, ShardProxy,
        nutcracker::{Config, Listen},
    },
    core::{Clock, SystemClock, sleep},
};

use crate::{
    minute::{BACK, KILLED, SECONDS},
    plan::server,
    popularity::{Popularity, name},
};

/// How long a server may take to start or to be noticed.
const READY: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// Requests in each column of the chart; there are no seconds here.
const REQUESTS: usize = 100;

/// What was found, by column, and how often a client was told of an error.
#[derive(Clone, Debug)]
pub struct Live {
    pub found: Vec<f64>,
    pub errors: usize,
    pub ejections: u64,
}

/// Whether there is a `memcached`; else what to do about it.
pub fn missing() -> Option<String> {
    match Command::new("memcached").arg("--version").stdin(Stdio::null()).output() {
        Ok(ran) if ran.status.success() => None,
        Ok(ran) => Some(format!("memcached --version fails ({}); reinstall it", ran.status)),
        Err(error) if error.kind() == ErrorKind::NotFound => Some(
            "memcached is not installed: `apt-get install memcached`, `brew install memcached`, \
             or see https://memcached.org/downloads"
                .to_owned(),
        ),
        Err(error) => Some(format!("cannot run memcached: {error}")),
    }
}

/// Kills one of so many servers in the middle, and starts it again, empty, later.
pub async fn run(shards: u32, keys: u32, victim: u32, seed: u64) -> Result<Live> {
    let mut servers = Vec::new();
    for _ in 0..shards {
        servers.push(Server::start(None).await?);
    }
    let proxy = ShardProxy::start(config(&servers)?, Options::default()).await?;
    let address = proxy.addresses().into_iter().flatten().next().context("the proxy listens at a port")?;
    let mut client = Client::connect(address)?;
    let mut requests = Popularity::new(keys, seed);
    let mut live = Live { found: Vec::new(), errors: 0, ejections: 0 };
    let victim = usize::try_from(victim)?;
    // What is asked for most is there before anything is counted.
    for _ in 0..10 * REQUESTS {
        client.ask(&name(requests.next()))?;
    }
    for column in 0..SECONDS {
        if column == KILLED {
            servers[victim].end();
        }
        if column == BACK {
            let again = Server::start(Some(servers[victim].address)).await?;
            servers[victim] = again;
            is_back(&proxy).await?;
        }
        let mut found = 0;
        for _ in 0..REQUESTS {
            match client.ask(&name(requests.next()))? {
                Answer::Found => found += 1,
                Answer::Missing => {}
                Answer::Failed => live.errors += 1,
            }
        }
        live.found.push(f64::from(found) / REQUESTS as f64);
    }
    live.ejections = proxy.stats().await.iter().map(|pool| pool.counts.server_ejects).sum();
    Ok(live)
}

/// Waits until the proxy asks every server again: it probes one that it has ejected.
async fn is_back(proxy: &ShardProxy) -> Result<()> {
    let clock = SystemClock::new();
    let deadline = clock.now() + READY;
    while clock.now() < deadline {
        let pools = proxy.stats().await;
        if pools.iter().flat_map(|pool| &pool.servers).all(|server| !server.is_ejected) {
            return Ok(());
        }
        sleep(&clock, LOOK).await;
    }
    bail!("the server is back, and the proxy does not notice within {READY:?}")
}

/// A pool of memcached whose dead servers are left out after their first failure.
fn config(servers: &[Server]) -> Result<Config> {
    let mut text = String::from(
        "cache:\n  listen: 127.0.0.1:11211\n  hash: murmur\n  timeout: 2000\n  auto_eject_hosts: true\n  \
         server_failure_limit: 1\n  server_retry_timeout: 100\n  servers:\n",
    );
    for (number, one) in (0..).zip(servers) {
        text.push_str(&format!("   - {}:1 {}\n", one.address, server(number)));
    }
    let mut config = Config::parse(&text)?;
    for pool in &mut config.pools {
        pool.listen = Listen::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
    }
    Ok(config)
}

/// A memcached of this example's own, ended when it is dropped.
#[derive(Debug)]
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    async fn start(at: Option<SocketAddr>) -> Result<Self> {
        let clock = SystemClock::new();
        let deadline = clock.now() + READY;
        loop {
            let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr();
            let address = at.map_or_else(free, Ok)?;
            let mut command = Command::new("memcached");
            command.args(["-l", "127.0.0.1", "-p", &address.port().to_string(), "-U", "0", "-t", "1"]);
            if rustix::process::geteuid().is_root() {
                // It runs as root only if it is told to.
                command.args(["-u", "root"]);
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let child = command.spawn().context("cannot start memcached")?;
            let mut server = Self { child, address };
            // One that ends at once has lost its port to somebody: another is tried.
            while server.child.try_wait()?.is_none() {
                if server.is_itself().unwrap_or(false) {
                    return Ok(server);
                }
                if clock.now() > deadline {
                    bail!("memcached is not ready within {READY:?}");
                }
                sleep(&clock, LOOK).await;
            }
            if clock.now() > deadline {
                bail!("memcached ends at once; run `memcached -p {}` to see why", address.port());
            }
            sleep(&clock, LOOK).await;
        }
    }

    fn is_itself(&self) -> Result<bool> {
        let mut client = Client::connect(self.address)?;
        client.send("stats\r\n")?;
        Ok(client.line()? == format!("STAT pid {}", self.child.id()))
    }

    fn end(&mut self) {
        // It has ended already, or ends now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A client of memcached that keeps what it did not find.
#[derive(Debug)]
struct Client(BufReader<TcpStream>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Found,
    Missing,
    Failed,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, READY)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READY))?;
        stream.set_write_timeout(Some(READY))?;
        Ok(Self(BufReader::new(stream)))
    }

    fn send(&mut self, text: &str) -> Result<()> {
        self.0.get_mut().write_all(text.as_bytes()).context("cannot send")
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            bail!("the connection was closed");
        }
        Ok(line.trim_end().to_owned())
    }

    /// Asks for a key, and sets it where it is missing, as one does with a cache.
    fn ask(&mut self, key: &str) -> Result<Answer> {
        self.send(&format!("get {key}\r\n"))?;
        match self.line()?.as_str() {
            "END" => {}
            value if value.starts_with("VALUE ") => {
                self.line()?;
                self.line()?;
                return Ok(Answer::Found);
            }
            _ => return Ok(Answer::Failed),
        }
        self.send(&format!("set {key} 0 0 4\r\npage\r\n"))?;
        Ok(if self.line()? == "STORED" { Answer::Missing } else { Answer::Failed })
    }
}
