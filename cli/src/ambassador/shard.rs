//! A sharding proxy that reads `nutcracker.yml`.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;
use entourage_ambassador::{Figure, ShardProxy};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{
    classic::Classic, configuration, follow::Follower, options::Behaviour, page::Page, pid_file::PidFile,
    stats_port::Teller, told::Told,
};
use crate::{
    Common, admin,
    exit::{self, Usage},
    output::unless_left,
    signals,
};

/// Serve the pools of a nutcracker.yml: Redis and memcached, sharded
///
/// Every key stays where nutcracker has it, and its flags go on working. SIGHUP reads the file again,
/// and so does a change of it; one that is refused leaves all as it was, with the reason in the log.
/// SIGTTIN and SIGTTOU log more and less. SIGTERM and SIGINT drain.
///
/// Clients are let in for as long as descriptors are left beside those that are kept for the servers: the
/// soft limit is raised to the hard one, and the log says how many clients fit.
#[derive(Args)]
pub(crate) struct Shard {
    /// The configuration, as nutcracker reads it
    #[arg(
        short,
        long,
        env = "ENTOURAGE_CONF_FILE",
        value_name = "FILE",
        default_value = "conf/nutcracker.yml"
    )]
    conf_file: PathBuf,
    /// Read the file again at SIGHUP alone, and not when it changes
    #[arg(long, env = "ENTOURAGE_NO_WATCH")]
    no_watch: bool,
    /// How long clients may take to be told what they are owed, after SIGTERM or SIGINT
    #[arg(long, env = "ENTOURAGE_GRACE", value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    grace: Duration,
    #[command(flatten)]
    pub(super) classic: Classic,
    #[command(flatten)]
    behaviour: Behaviour,
}

impl Shard {
    pub(crate) async fn main(self, common: &Common) -> Result<ExitCode> {
        if self.classic.describe_stats {
            let mut out = io::stdout();
            let written = out.write_all(described().as_bytes()).and_then(|()| out.flush());
            unless_left(written).context("cannot write")?;
            return Ok(ExitCode::SUCCESS);
        }
        let read = configuration::read(&self.conf_file);
        if self.classic.test_conf {
            return Ok(self.tested(read.map(drop)));
        }
        let (said, config) = read?;
        self.classic.check()?;
        let options = self.behaviour.options()?;
        if common.check {
            ShardProxy::check(&config, &options)?;
            return Ok(ExitCode::SUCCESS);
        }
        let stats = format!("{}:{}", self.classic.stats_addr, self.classic.stats_port);
        let stats: admin::Address = stats.parse().map_err(Usage)?;
        raise_descriptors();
        let shutdown = signals::shutdown(self.grace)?;
        let listener = stats.listen("--stats-port or --stats-addr").await?;
        let told = Told::new(config.clone());
        let proxy = Arc::new(ShardProxy::start(config, options).await?);
        let mut follower = Follower::new(self.conf_file, said, Arc::clone(&proxy), told.clone())?;
        let page = Page { proxy: Arc::clone(&proxy), told, shutdown: shutdown.clone() };
        page.serve(common).await?;
        let pid_file = self.classic.pid_file.as_deref().map(PidFile::write).transpose()?;
        tracing::info!(address = %listener.local_addr()?, "the statistics are told");
        for (pool, address) in follower.told.now().config.pools.iter().zip(proxy.addresses()) {
            let address = address.map_or_else(|| pool.listen.to_string(), |address| address.to_string());
            tracing::info!(pool = pool.name, address, servers = pool.servers.len(), "a pool is served");
        }
        let telling = tokio::spawn(Teller::new(Arc::clone(&proxy)).serve(listener));
        follower.run(!self.no_watch, &shutdown).await;
        tokio::select! {
            biased;
            () = proxy.drain() => {}
            () = shutdown.stopped() => tracing::warn!("clients that had not been told all were closed"),
        }
        telling.abort();
        drop(pid_file);
        Ok(ExitCode::SUCCESS)
    }

    /// What nutcracker says of a file that it was to test.
    fn tested(&self, read: Result<()>) -> ExitCode {
        let path = self.conf_file.display();
        match read {
            Ok(()) => {
                eprintln!("entourage: configuration file '{path}' syntax is ok");
                ExitCode::SUCCESS
            }
            Err(error) => {
                exit::tell(&error);
                eprintln!("entourage: configuration file '{path}' syntax is invalid");
                ExitCode::FAILURE
            }
        }
    }
}

/// Has this process have as many descriptors as it may: each client takes one.
fn raise_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, ?current, ?maximum, "the limit of descriptors stays where it is");
    }
}

/// The statistics, each with what it means, as nutcracker lists them.
fn described() -> String {
    let mut text = String::new();
    let mut list = |of: &str, figures: &mut dyn Iterator<Item = Figure>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{of} stats:");
        for Figure { twemproxy, metric, about, .. } in figures {
            let _ = writeln!(text, "  {:<19} {about}\n  {:<19} ({metric})", twemproxy.unwrap_or("-"), "");
        }
        text.push('\n');
    };
    list("pool", &mut Figure::of_pools());
    list("server", &mut Figure::of_servers());
    text
}
