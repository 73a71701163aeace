//! Topics of a queue, for shell scripts.

mod base64;
mod dead;
mod input;
mod json;
mod perform;
mod publish;
mod receive;
mod redrive;
mod session;
mod stats;
mod write;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use entourage_queue::{Capabilities, Group, Queue, QueueUrl, Topic};

use crate::{Common, exit::Usage};

#[derive(Subcommand)]
pub(crate) enum Command {
    Publish(publish::Publish),
    Receive(Box<receive::Receive>),
    Stats(stats::Stats),
    Dead(dead::Dead),
    Redrive(redrive::Redrive),
}

/// A topic, and where it is.
#[derive(Args)]
struct What {
    /// The queue: sqlite:PATH or redis://[[USER]:PASSWORD@]HOST[:PORT][/PREFIX]
    #[arg(long, env = "ENTOURAGE_QUEUE", value_name = "URL", hide_env_values = true)]
    queue: String, // Not parsed by clap, whose errors repeat what they were given, passwords too.
    /// The topic; that of `workqueue run` has its --name
    #[arg(value_name = "TOPIC")]
    topic: String,
}

/// Who shares the items of a topic.
#[derive(Args)]
struct Whose {
    /// The group, whose members share the items; that of `workqueue run` has its --name
    #[arg(long, env = "ENTOURAGE_GROUP", value_name = "GROUP", default_value = "default")]
    group: String,
}

impl What {
    /// Where the queue is, and which topic; contacts nothing.
    fn check(&self) -> Result<(QueueUrl, Topic)> {
        let url = self.queue.parse()?;
        if url == QueueUrl::Memory {
            let why =
                "a queue in memory ends with this program; name sqlite:PATH or redis://HOST:PORT/PREFIX";
            return Err(Usage(why.to_owned()).into());
        }
        Ok((url, named("topic", &self.topic)?.into()))
    }
}

impl Whose {
    fn check(&self) -> Result<Group> {
        Ok(named("group", &self.group)?.into())
    }
}

fn named<'a>(what: &str, name: &'a str) -> Result<&'a str> {
    const MOST: usize = Capabilities::MAX_NAME_BYTES;
    if name.is_empty() || name.len() > MOST {
        let bytes = name.len();
        return Err(Usage(format!("the {what} has {bytes} bytes; name it with 1 to {MOST}")).into());
    }
    Ok(name)
}

/// Opens a queue that is there; looking into a file that is not would make it.
async fn open(url: &QueueUrl) -> Result<Arc<dyn Queue>> {
    if let QueueUrl::Sqlite(path) = url
        && !path.exists()
    {
        bail!("there is no queue at {url}; publish to it first, or name another file");
    }
    url.open().await.with_context(|| format!("cannot open {url}"))
}

pub(crate) async fn main(command: Command, common: &Common) -> Result<ExitCode> {
    match command {
        Command::Publish(publish) => publish.main(common).await,
        Command::Receive(receive) => receive.main(common).await,
        Command::Stats(stats) => stats.main(common).await,
        Command::Dead(dead) => dead.main(common).await,
        Command::Redrive(redrive) => redrive.main(common).await,
    }
}
