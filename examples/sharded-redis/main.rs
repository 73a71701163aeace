//! The hands-on of the book's chapter 3: a sharded Redis behind an ambassador, and the same
//! without one.
//!
//! ```text
//! cargo run --release --features full --example sharded-redis
//! ```
//!
//! Three servers of Redis are three shards. A client asks the ambassador, here [`ShardProxy`] with
//! a `nutcracker.yml` of the book's settings, and does not know that there are three. Then the
//! router is linked into this program: a ring of twemproxy's dialect says which server has the key,
//! and that server is asked without a hop. Both are compared, key by key:
//!
//! ```text
//! client ──> ShardProxy ──┬──> sharded-redis-0     client + ring ──┬──> sharded-redis-0
//!                         ├──> sharded-redis-1                     ├──> sharded-redis-1
//!                         └──> sharded-redis-2                     └──> sharded-redis-2
//! ```
//!
//! Where `redis-server` is not installed it says so, and shows what the ring alone says. The servers
//! are its own, at free ports, keep nothing, and are ended with it. Each claim is checked; one that
//! is false is printed as BROKEN and ends the program with status 1.

#![expect(unreachable_pub, reason = "an example's modules are read like a crate's")]

mod compare;
mod foretold;
mod pool;
mod resp;
mod servers;

use std::process::ExitCode;

use anyhow::{Context, Error, Result};
use clap::Parser;
use entourage::ambassador::{Options as ProxyOptions, ShardProxy};

use crate::{compare::Compared, foretold::Foretold, servers::Servers};

/// Shows where keys go behind a sharding proxy, and that the router in one process agrees with it.
///
/// Exit status: 0 they agree on every key, or redis-server is not installed and the ring alone is
/// shown, 1 they do not, or something failed.
#[derive(Clone, Debug, Parser)]
#[command(name = "sharded-redis", version)]
struct Options {
    /// How many servers are started
    #[arg(long, value_name = "N", default_value_t = 3, env = "ENTOURAGE_SHARDED_REDIS_SHARDS",
          value_parser = clap::value_parser!(u16).range(2..=16))]
    shards: u16,
    /// How many keys are written, beside the twelve that are shown
    #[arg(long, value_name = "N", default_value_t = 3_000, env = "ENTOURAGE_SHARDED_REDIS_KEYS",
          value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    keys: u32,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(why) = servers::missing() {
        println!("sharded-redis: nothing is compared, since {why}\n");
        return match alone(&options) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        };
    }
    // Whoever interrupts it does not leave servers behind.
    let mut story = tokio::spawn(async move { run(&options).await });
    let told = tokio::select! {
        biased;
        told = &mut story => told,
        asked = asked_to_end() => {
            story.abort();
            let _ = story.await;
            let why = asked.map_or_else(|error| format!("{error:#}"), |()| "interrupted".to_owned());
            eprintln!("sharded-redis: {why}");
            return ExitCode::FAILURE;
        }
    };
    match told.context("it panicked").flatten() {
        Ok(told) => {
            print!("{}", told.text);
            told.faults.iter().for_each(|fault| println!("BROKEN: {fault}"));
            if told.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> ExitCode {
    eprintln!("sharded-redis: {error:#}");
    ExitCode::FAILURE
}

/// What the ring says where there are no servers, which it does not need: it is made of names.
fn alone(options: &Options) -> Result<String> {
    let servers: Vec<_> = (1..=options.shards).map(|port| ([127, 0, 0, 1], port).into()).collect();
    let config = pool::config(&pool::text(&servers))?;
    Foretold::of(&config.pools[0])?.alone(options.keys)
}

async fn asked_to_end() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

async fn run(options: &Options) -> Result<Compared> {
    let servers = Servers::start(usize::from(options.shards)).await?;
    let text = pool::text(&servers.addresses());
    let config = pool::config(&text)?;
    let pool = config.pool("redis").context("the file has a pool `redis`")?.clone();
    let proxy = ShardProxy::start(config, ProxyOptions::default()).await?;
    let address = proxy.addresses().into_iter().flatten().next().context("the proxy listens at a port")?;

    let mut compared = Compared::new(&text, address, &servers.addresses(), &pool)?;
    compared.a_few_keys()?;
    compared.many_keys(options.keys)?;
    compared.one_shard_more(options.keys)?;
    let stats = proxy.stats().await;
    compared.counted(stats.first().context("the pool is counted")?);
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use entourage_testkit::{Redis, Requirement};

    use super::{Options, run};

    #[tokio::test]
    async fn the_proxy_and_the_linked_router_agree_on_every_key() {
        if !Requirement::from(Redis::available()).is_met("redis") {
            return;
        }
        let compared = run(&Options { shards: 3, keys: 300 }).await.unwrap();
        assert!(compared.faults.is_empty(), "{:?}\n{}", compared.faults, compared.text);
        assert!(compared.text.contains("12 of 12"), "{}", compared.text);
        assert!(compared.text.lines().all(|line| line.chars().count() < 80), "{}", compared.text);
    }
}
