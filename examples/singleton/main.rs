//! One leader among several processes, and what becomes of the leadership when it is killed,
//! stands still, or ends.
//!
//! ```text
//! cargo run --release --features full --example singleton
//! ```
//!
//! It starts three replicas of itself as processes on one SQLite file, and shows who leads. Each
//! campaigns with `Election::run` and, while it leads, adds to a counter in transactions that its
//! fence guards. Against etcd: `--features full,etcd`, and `--store etcd://127.0.0.1:2379` behind it.
//!
//! By hand, in three terminals, with another name in each; Ctrl-C releases, and
//! `kill -9` is a crash:
//!
//! ```text
//! cargo run --release --features full --example singleton -- --store singleton.db --replica a
//! ```

#![expect(unreachable_pub, reason = "an example's modules are read like a crate's")]

mod child;
mod counter;
mod event;
mod handover;
mod member;
mod picture;
mod replica;
mod scene;
mod scratch;
mod screen;
mod signals;
mod story;
mod summary;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use entourage::{
    election::{self, Timings},
    store::{self, FencedStore, StoreUrl},
};

use crate::{
    replica::Replica,
    scratch::Scratch,
    story::{Program, Story},
};

/// Shows one leader among several processes: who leads, and how long nobody does after the leader
/// is killed, stands still, or ends.
///
/// Exit status: 0 every claim held, 1 one did not or something failed, 2 bad usage.
#[derive(Debug, Parser)]
#[command(name = "singleton", version)]
struct Options {
    /// Where it is decided who leads: PATH or sqlite:PATH, a file of this machine, or
    /// etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/PREFIX] in a build with the feature etcd
    /// [default: a new file, deleted at the end]
    #[arg(long, value_name = "STORE", env = "ENTOURAGE_SINGLETON_STORE", hide_env_values = true)]
    store: Option<String>, // Not parsed by clap, whose errors repeat what they were given, passwords too.
    /// How long after a crash another may lead, with its unit: 3s, 500ms. etcd takes whole seconds, from 2 on
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration, env = "ENTOURAGE_SINGLETON_TTL")]
    ttl: Duration,
    /// Processes to start
    #[arg(long, value_name = "N", default_value_t = 3, env = "ENTOURAGE_SINGLETON_REPLICAS",
          value_parser = clap::value_parser!(u64).range(2..=9))]
    replicas: u64,
    /// Leaders to kill and start again
    #[arg(long, value_name = "N", default_value_t = 1, env = "ENTOURAGE_SINGLETON_ROUNDS",
          value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: u64,
    /// Be one replica of this name, and start no other; takes --store
    #[arg(long, value_name = "NAME", env = "ENTOURAGE_SINGLETON_REPLICA", value_parser = name)]
    replica: Option<String>,
    /// With --replica: end when standard input is closed, and die with the parent
    #[arg(long, requires = "replica", env = "ENTOURAGE_SINGLETON_TETHERED")]
    tethered: bool,
}

/// What was asked for and cannot be done.
#[derive(Debug)]
struct BadUsage(&'static str);

impl std::fmt::Display for BadUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadUsage {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("singleton: {error:#}");
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
    }
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(store::Error::Invalid(_)))
            || matches!(cause.downcast_ref(), Some(election::Error::Timings(_)))
            || cause.is::<BadUsage>()
    })
}

async fn run(options: Options) -> Result<bool> {
    Timings::builder().ttl(options.ttl).build().map_err(election::Error::from)?;
    if let Some(name) = options.replica {
        let url =
            options.store.ok_or(BadUsage("a replica shares its store with others; name it with --store"))?;
        let store = open(&store_url(&url)?).await?;
        let replica = Replica { name, store, ttl: options.ttl, is_tethered: options.tethered };
        return replica.run().await.map(|()| true);
    }
    let shutdown = signals::shutdown()?;
    let scratch = if options.store.is_none() { Some(Scratch::new()?) } else { None };
    let url = match (&options.store, &scratch) {
        (Some(url), _) => store_url(url)?,
        (None, Some(scratch)) => StoreUrl::Sqlite(scratch.path().join("singleton.db")),
        (None, None) => bail!("there is no store"),
    };
    let store = open(&url).await?;
    let program = Program {
        replicas: usize::try_from(options.replicas)?,
        rounds: options.rounds,
        ttl: options.ttl,
        url: options.store.unwrap_or_else(|| url.to_string()),
        store,
        shutdown,
    };
    println!("{} replicas on {url}", options.replicas);
    Story::new(program).await?.play().await
}

async fn open(url: &StoreUrl) -> Result<FencedStore> {
    let store = url.open().await.with_context(|| format!("cannot open {url}"))?;
    Ok(FencedStore::try_from(store)?)
}

/// A store that several processes can share.
fn store_url(text: &str) -> Result<StoreUrl> {
    let url = if text.contains(':') { text.parse()? } else { StoreUrl::Sqlite(PathBuf::from(text)) };
    let alone = BadUsage("memory: is of one process, and the replicas are several; name a file, or etcd://…");
    ensure!(url != StoreUrl::Memory, alone);
    let advisory = BadUsage("redis:// excludes nobody for sure: it has no fence; name a file, or etcd://…");
    ensure!(!matches!(url, StoreUrl::Redis { .. }), advisory);
    Ok(url)
}

/// `3s` or `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, millis) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').ok_or("name its unit: 3s or 500ms")?, 1000),
    };
    let number: u32 = number.parse().map_err(|_| "it is a whole number and a unit: 3s or 500ms")?;
    Ok(Duration::from_millis(u64::from(number) * millis))
}

/// One word: it stands in a line of words.
fn name(text: &str) -> Result<String, String> {
    let is_word = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word { Ok(text.to_owned()) } else { Err("it is of 1 to 8 letters and digits".to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, name, store_url};

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("3s"), Ok(Duration::from_secs(3)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "s", "ms", "3", "3 s", "-1s", "1.5s", "3m", "99999999999s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_store_is_one_that_processes_share() {
        assert_eq!(store_url("a/b.db").unwrap().to_string(), "sqlite:a/b.db");
        assert_eq!(store_url("sqlite:a.db").unwrap().to_string(), "sqlite:a.db");
        assert!(store_url("etcd://a:1,b:2/x").is_ok());
        assert!(store_url("memory:").is_err() && store_url("redis://a:1").is_err());
    }

    #[test]
    fn a_name_is_one_word() {
        assert_eq!(name("a1").unwrap(), "a1");
        assert!(["", "a b", "a/b", "abcdefghi"].iter().all(|text| name(text).is_err()));
    }
}
