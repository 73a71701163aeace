//! Rings: where keys go.

mod becoming;
mod by_flags;
mod counted;
mod diff;
mod explain;
mod keys;
mod pairs;
mod placing;
mod shown;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::Common;

#[derive(Subcommand)]
pub(crate) enum Command {
    Explain(explain::ExplainKeys),
    Diff(diff::DiffRings),
}

/// Runs to its end; SIGINT and SIGTERM end it at once, for nothing is left behind.
pub(crate) fn main(command: Command, common: &Common) -> Result<ExitCode> {
    tokio::task::block_in_place(|| match command {
        Command::Explain(explain) => explain.main(common),
        Command::Diff(diff) => diff.main(common),
    })
}
