//! Ownership for programs in any language.

mod elect;
mod observe;
mod ready;
mod run;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use entourage_election::{Builder, Error, Identity, Name, Timings};
use entourage_store::{FencedStore, StoreUrl};

use crate::Common;

#[derive(Subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Elect(elect::Elect),
    Observe(observe::Observe),
}

/// What is owned, and where that is decided.
#[derive(Args)]
pub(crate) struct What {
    /// The store: memory:, sqlite:PATH or etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/PREFIX]
    #[arg(long, env = "ENTOURAGE_STORE", value_name = "URL", hide_env_values = true)]
    store: String, // Not parsed by clap, whose errors repeat what they were given, passwords too.
    /// The name that has one owner at a time; without a slash
    #[arg(long, env = "ENTOURAGE_NAME", value_name = "NAME")]
    name: String,
}

/// How it is owned.
#[derive(Args)]
pub(crate) struct How {
    /// How long after this process's end another is granted, with its unit: 10s, 500ms
    #[arg(long, env = "ENTOURAGE_TTL", value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    ttl: Duration,
    /// Who this owner is, for people who look [default: host name, process and start]
    #[arg(long, env = "ENTOURAGE_IDENTITY", value_name = "TEXT")]
    identity: Option<String>,
}

impl What {
    /// Where the store is, if all of this can work; contacts nothing.
    fn check(&self, ttl: Duration) -> Result<StoreUrl> {
        Name::new(&self.name).map_err(Error::from)?;
        Timings::builder().ttl(ttl).build().map_err(Error::from)?;
        Ok(self.store.parse()?)
    }
}

/// Opens the store, if it can exclude.
async fn open(url: &StoreUrl) -> Result<FencedStore> {
    let store = url.open().await.with_context(|| format!("cannot open {url}"))?;
    Ok(FencedStore::try_from(store)?)
}

impl How {
    fn applied<T>(&self, builder: Builder<T>) -> Builder<T> {
        let builder = builder.ttl(self.ttl);
        match &self.identity {
            Some(identity) => builder.identity(Identity::new(identity)),
            None => builder,
        }
    }
}

pub(crate) async fn main(command: Command, common: &Common) -> Result<ExitCode> {
    match command {
        Command::Run(run) => run.main(common).await,
        Command::Elect(elect) => elect.main(common).await,
        Command::Observe(observe) => observe.main(common).await,
    }
}
