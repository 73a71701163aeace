//! A sharded cache that loses a shard: the arithmetic of the book's chapter 6, and what happens.
//!
//! ```text
//! cargo run --release --features full --example sharded-cache
//! cargo run --release --features full --example sharded-cache -- --memcached
//! ```
//!
//! Ten caches stand before an origin, one of them is killed, and twenty seconds later it is back
//! and empty. With consistent hashing the others keep what they have, and take what the dead one
//! had; where keys are counted off anew, modulo the shards that live, nearly all of them are
//! looked for where they are not; without spill-over the dead one's keys are asked of the origin
//! until it is back. The hit rate is drawn second by second, the expected beside what was found.
//!
//! The caches are in this process, the seconds are virtual, and a seed is a course of events. With
//! `--memcached` they are servers of this example's own behind the sharding proxy, which ejects the
//! dead one by itself. An expectation that is far from what was found is printed as BROKEN and ends
//! the program with status 1.

#![expect(unreachable_pub, reason = "an example's modules are read like a crate's")]

mod arithmetic;
mod cache;
mod chart;
mod live;
mod minute;
mod plan;
mod popularity;
mod report;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;

use crate::{
    minute::{BACK, KILLED, Minute, Setting},
    plan::Plan,
    report::Report,
};

/// Kills a shard of a cache, and draws what becomes of the hit rate.
///
/// Exit status: 0 it became what was to be expected, or memcached was asked for and is not
/// installed, 1 it did not, or something failed.
#[derive(Clone, Debug, Parser)]
#[command(name = "sharded-cache", version)]
struct Options {
    /// How many caches there are
    #[arg(long, value_name = "N", default_value_t = 10, env = "ENTOURAGE_SHARDED_CACHE_SHARDS",
          value_parser = clap::value_parser!(u32).range(3..=30))]
    shards: u32,
    /// How many keys there are; the caches have room for four tenths of them
    #[arg(long, value_name = "N", default_value_t = 10_000, env = "ENTOURAGE_SHARDED_CACHE_KEYS",
          value_parser = clap::value_parser!(u32).range(1_000..=100_000))]
    keys: u32,
    /// What a request costs that is found, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2, env = "ENTOURAGE_SHARDED_CACHE_HIT")]
    hit: u16,
    /// What a request costs that is not, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 80, env = "ENTOURAGE_SHARDED_CACHE_MISS")]
    miss: u16,
    /// Real servers of memcached behind the sharding proxy, in place of caches in this process
    #[arg(long, env = "ENTOURAGE_SHARDED_CACHE_MEMCACHED")]
    memcached: bool,
    /// Another course of chance
    #[arg(long, value_name = "N", default_value_t = 1, env = "ENTOURAGE_SHARDED_CACHE_SEED")]
    seed: u64,
}

impl Options {
    /// The cache that is killed: one in the middle.
    const fn victim(&self) -> u32 {
        self.shards / 3
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let options = Options::parse();
    if options.memcached
        && let Some(why) = live::missing()
    {
        println!("sharded-cache: nothing is shown, since {why}");
        return ExitCode::SUCCESS;
    }
    // Whoever interrupts it does not leave servers behind.
    let is_live = options.memcached;
    let mut story =
        tokio::spawn(async move { if is_live { with_servers(&options).await } else { alone(&options) } });
    let told = tokio::select! {
        biased;
        told = &mut story => told.map_err(anyhow::Error::from).flatten(),
        asked = asked_to_end(), if is_live => {
            story.abort();
            let _ = story.await;
            asked
        }
    };
    match told {
        Ok((text, faults)) => {
            print!("{text}");
            faults.iter().for_each(|fault| println!("BROKEN: {fault}"));
            if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("sharded-cache: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn asked_to_end() -> Result<(String, Vec<String>)> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    anyhow::bail!("interrupted")
}

/// Caches of this process: what is to be told, and what of it should have been otherwise.
fn alone(options: &Options) -> Result<(String, Vec<String>)> {
    let &Options { shards, keys, seed, .. } = options;
    let room = usize::try_from(keys * 4 / 10 / shards)?;
    let setting = Setting { shards, keys, room, victim: options.victim(), seed };
    let mut minutes = Vec::new();
    for plan in Plan::ALL {
        minutes.push(Minute::of(plan, &setting)?);
    }
    let costs = (f64::from(options.hit), f64::from(options.miss));
    let Ok(minutes) = minutes.try_into() else { anyhow::bail!("there are as many minutes as plans") };
    let report = Report { setting, minutes, costs };
    Ok((report.text(), report.faults()))
}

/// Servers of memcached behind the proxy.
async fn with_servers(options: &Options) -> Result<(String, Vec<String>)> {
    let keys = options.keys.min(1_000);
    let live = live::run(options.shards, keys, options.victim(), options.seed).await?;
    let drawn = chart::chart(&live.found, None, &[(KILLED, "killed"), (BACK, "back, empty")]);
    let mean = |from: usize, to: usize| live.found[from..to].iter().sum::<f64>() / (to - from) as f64;
    let (before, killed) = (mean(KILLED - 5, KILLED), live.found[KILLED]);
    let (settled, back) = (mean(BACK - 5, BACK), live.found[BACK]);
    ensure!(before > 0.0, "nothing was ever found");
    let text = format!(
        "{} servers of memcached behind the sharding proxy, {keys} keys.\n\n\
         Hit rate, 100 requests a column:\n{drawn}\n\
         before {:.0} %, killed {:.0} %, settled {:.0} %, back {:.0} %\n\
         Errors that the client was told of: {}. Servers that the proxy ejected: {}.\n",
        options.shards,
        100.0 * before,
        100.0 * killed,
        100.0 * settled,
        100.0 * back,
        live.errors,
        live.ejections
    );
    let mut faults = Vec::new();
    if live.ejections != 1 {
        faults.push(format!("the proxy ejected {} servers", live.ejections));
    }
    // A dead shard has its part of the keys, give or take; all others keep theirs.
    if killed < before * (1.0 - 3.0 / f64::from(options.shards)) - 0.1 {
        faults.push(format!("{killed:.2} are found after the kill, of {before:.2} before"));
    }
    if settled < before - 0.1 {
        faults.push(format!("{settled:.2} are found when the others have taken over, of {before:.2} before"));
    }
    Ok((text, faults))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use entourage_testkit::{Memcached, Requirement};

    use super::{Options, alone, with_servers};

    #[test]
    fn every_expectation_holds_with_several_seeds() {
        for (seed, shards) in [(1, "10"), (2, "5"), (3, "16")] {
            let mut options = Options::parse_from(["sharded-cache", "--shards", shards]);
            options.seed = seed;
            let (text, faults) = alone(&options).unwrap();
            assert!(faults.is_empty(), "{seed} {faults:?}\n{text}");
            assert!(text.lines().all(|line| line.chars().count() < 80), "{text}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_killed_behind_the_proxy_costs_its_own_keys_alone() {
        if !Requirement::from(Memcached::available()).is_met("memcached") {
            return;
        }
        let options = Options::parse_from(["sharded-cache", "--shards", "4", "--keys", "1000"]);
        let (text, faults) = with_servers(&options).await.unwrap();
        assert!(faults.is_empty(), "{faults:?}\n{text}");
    }
}
