//! Every pattern as a command, for programs in any language.

mod admin;
mod ambassador;
mod election;
mod exit;
mod log;
mod opening;
mod output;
mod queue;
mod refusal;
mod ring;
mod signals;
mod size;
mod worker;
mod workqueue;

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

/// The patterns of distributed systems as commands.
///
/// Exit status: 0 done, 1 failed, 2 bad usage or configuration; `election run` has that of its
/// command. SIGTERM and SIGINT drain. Logs are JSON lines on standard error.
#[derive(Parser)]
#[command(name = "entourage", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    pattern: Pattern,
}

/// What every command takes.
#[derive(Args)]
pub(crate) struct Common {
    /// Serve `/livez`, `/readyz`, `/metrics` and `/blueprint` at HOST:PORT, or at PORT of this machine alone; `workqueue run` has `/scaling` too, for KEDA [default: not served]
    #[arg(long, global = true, env = "ENTOURAGE_ADMIN", value_name = "ADDR")]
    admin: Option<admin::Address>,
    /// Check the configuration and exit, before anything is contacted
    #[arg(long, global = true, env = "ENTOURAGE_CHECK")]
    check: bool,
    /// Log this and what is graver: error, warn, info, debug, trace or off
    #[arg(long, global = true, env = "ENTOURAGE_LOG", value_name = "LEVEL", default_value = "info")]
    log: LevelFilter,
}

#[derive(Subcommand)]
enum Pattern {
    /// Ambassadors: one address for many servers
    #[command(subcommand)]
    Ambassador(ambassador::Command),
    /// Rings: where keys go, and which of them a change moves
    #[command(subcommand)]
    Ring(ring::Command),
    /// Ownership: one owner at a time, with a fence that proves it
    #[command(subcommand)]
    Election(election::Command),
    /// Work queues: a command for each item that a source lists, and sources over HTTP
    #[command(subcommand)]
    Workqueue(workqueue::Command),
    /// Topics of a queue, for shell scripts
    #[command(subcommand)]
    Queue(queue::Command),
}

impl Pattern {
    /// Logs at this level to standard error, where a command says nothing else.
    fn start_log(&self, level: LevelFilter) -> Result<()> {
        let (level, output) = match self {
            Self::Ambassador(command) => (command.level().unwrap_or(level), command.output()),
            _ => (level, None),
        };
        log::start(level, output).with_context(|| {
            let path = output.unwrap_or_else(|| Path::new("standard error")).display();
            format!("cannot write the log to {path}; choose another --output")
        })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { common, pattern } = match refusal::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if let Err(error) = pattern.start_log(common.log) {
        return exit::code(Err(error));
    }
    let ended = match pattern {
        Pattern::Ambassador(command) => ambassador::main(command, &common).await,
        Pattern::Ring(command) => ring::main(command, &common),
        Pattern::Election(command) => election::main(command, &common).await,
        Pattern::Workqueue(command) => workqueue::main(command, &common).await,
        Pattern::Queue(command) => queue::main(command, &common).await,
    };
    exit::code(ended)
}
