//! Servers of Redis of this example's own.

use std::{
    env, fs,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use entourage::core::{Clock, SystemClock, sleep};

use crate::resp::{Client, Reply};

/// How long a server may take to start.
const READY: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// How often another free port is tried, after somebody else took the one before.
const TRIES: u32 = 5;

/// Whether there is a `redis-server`; else what to do about it.
pub fn missing() -> Option<String> {
    match Command::new("redis-server").arg("--version").stdin(Stdio::null()).output() {
        Ok(ran) if ran.status.success() => None,
        Ok(ran) => Some(format!("redis-server --version fails ({}); reinstall it", ran.status)),
        Err(error) if error.kind() == ErrorKind::NotFound => Some(
            "redis-server is not installed: `apt-get install redis-server`, `brew install redis`, \
             or see https://redis.io/download"
                .to_owned(),
        ),
        Err(error) => Some(format!("cannot run redis-server: {error}")),
    }
}

/// Some servers, ended when this is dropped, and their folder, which is deleted then.
#[derive(Debug)]
pub struct Servers {
    servers: Vec<Server>,
    folder: PathBuf,
}

#[derive(Debug)]
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Servers {
    /// So many of them, each at a free port of the loopback, which keep nothing on the disk.
    pub async fn start(count: usize) -> Result<Self> {
        // Process numbers come again, moments of the boot clock do not.
        let name = format!("sharded-redis-{}-{:x}", process::id(), SystemClock::new().now().as_nanos());
        let folder = env::temp_dir().join(name);
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut servers = Self { servers: Vec::new(), folder };
        for _ in 0..count {
            let server = Server::start(&servers.folder).await?;
            servers.servers.push(server);
        }
        Ok(servers)
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.address).collect()
    }
}

impl Server {
    async fn start(folder: &Path) -> Result<Self> {
        for _ in 0..TRIES {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            let child = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--port", &free.port().to_string(), "--dir"])
                .arg(folder)
                .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("cannot start redis-server")?;
            let mut server = Self { child, address: free };
            if server.is_up().await? {
                return Ok(server);
            }
        }
        bail!("redis-server has ended at once, {TRIES} times; run it by hand to see why")
    }

    /// Waits until it answers; whether it does, and has not ended.
    async fn is_up(&mut self) -> Result<bool> {
        let clock = SystemClock::new();
        let deadline = clock.now() + READY;
        while clock.now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            if self.is_itself().unwrap_or(false) {
                return Ok(true);
            }
            sleep(&clock, LOOK).await;
        }
        bail!("redis-server is not ready within {READY:?}")
    }

    /// Whether who answers at its port is this server, and not one that was faster.
    fn is_itself(&self) -> Result<bool> {
        let said = Client::connect(self.address)?.ask(["INFO", "server"])?;
        let own = format!("process_id:{}\r\n", self.child.id());
        Ok(matches!(said, Reply::Text(Some(said)) if said.contains(&own)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, or ends now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.servers.clear();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
