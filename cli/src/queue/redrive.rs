//! What was given up, once more.

use std::{collections::BTreeSet, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use entourage_queue::{ItemId, Redrive as Which};

use super::{What, Whose, open};
use crate::{Common, exit::Usage, output::Printer};

/// Make dead letters ready again
///
/// Their attempts are forgotten. Prints `redriven N`; ends with 1 if an ID that was named is no
/// dead letter.
#[derive(Args)]
pub(crate) struct Redrive {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    whose: Whose,
    /// All of them
    #[arg(long, env = "ENTOURAGE_ALL", conflicts_with = "ids")]
    all: bool,
    /// Those of these ids
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

impl Redrive {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let ((url, topic), group) = (self.what.check()?, self.whose.check()?);
        if !self.all && self.ids.is_empty() {
            let why = "no dead letter is named; name their IDs, or --all";
            return Err(Usage(why.to_owned()).into());
        }
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let ids: BTreeSet<ItemId> = self.ids.into_iter().map(ItemId::from).collect();
        let named = ids.len() as u64;
        let which = if self.all { Which::All } else { Which::Only(ids.into_iter().collect()) };
        let redriven = open(&url).await?.redrive(&topic, &group, which).await;
        let redriven = redriven.context("nothing was redriven for sure; look at `queue dead`")?;
        let said = Printer::start()?.line(format!("redriven {redriven}")).await;
        said.context("redriven, but standard output cannot be written")?;
        if !self.all && redriven < named {
            anyhow::bail!("{} of the IDs are no dead letters of this topic and group", named - redriven);
        }
        Ok(ExitCode::SUCCESS)
    }
}
