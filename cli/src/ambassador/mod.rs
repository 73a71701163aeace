//! Ambassadors: one address for many servers.

mod access;
mod bounds;
mod classic;
mod configuration;
mod drawn;
mod follow;
mod looks;
mod options;
mod page;
mod pid_file;
mod shard;
mod stats_port;
mod told;

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use clap::Subcommand;
use tracing_subscriber::filter::LevelFilter;

pub(crate) use self::configuration::read;
use crate::Common;

#[derive(Subcommand)]
pub(crate) enum Command {
    Shard(Box<shard::Shard>),
}

impl Command {
    /// How much is logged, where that is said in another way than with `--log`.
    pub(crate) fn level(&self) -> Option<LevelFilter> {
        let Self::Shard(shard) = self;
        shard.classic.level()
    }

    /// The file that the log goes to, if to any.
    pub(crate) fn output(&self) -> Option<&Path> {
        let Self::Shard(shard) = self;
        shard.classic.output()
    }
}

pub(crate) async fn main(command: Command, common: &Common) -> Result<ExitCode> {
    match command {
        Command::Shard(shard) => shard.main(common).await,
    }
}
