//! Work queues for programs in any language.

mod ended;
mod once;
mod overseer;
mod plan;
mod progress;
mod ready;
mod run;
mod serve;
mod source;
mod used_up;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::Common;

#[derive(Subcommand)]
pub(crate) enum Command {
    Run(Box<run::Run>),
    ServeSource(serve::ServeSource),
}

pub(crate) async fn main(command: Command, common: &Common) -> Result<ExitCode> {
    match command {
        Command::Run(run) => run.main(common).await,
        Command::ServeSource(serve) => serve.main(common).await,
    }
}
