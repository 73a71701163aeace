//! What a group has given up.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::{What, Whose, json, open};
use crate::{
    Common,
    output::{Printer, shown},
};

/// Print dead letters
///
/// One line for each, in the order of publishing: the id, the number of attempts and the reason,
/// with tabs between them.
#[derive(Args)]
pub(crate) struct Dead {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    whose: Whose,
    /// The most letters
    #[arg(long, env = "ENTOURAGE_LIMIT", value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Print JSON lines: the item as `receive` has it, with attempts and reason
    #[arg(long, env = "ENTOURAGE_JSON")]
    json: bool,
}

impl Dead {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let ((url, topic), group) = (self.what.check()?, self.whose.check()?);
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let letters = open(&url).await?.dead(&topic, &group, self.limit).await;
        let letters = letters.context("the dead letters cannot be had")?;
        let printer = Printer::start()?;
        for letter in &letters {
            let line = if self.json {
                json::of_dead(letter).to_string()
            } else {
                let (id, reason) = (shown(letter.item.id().as_str()), shown(&letter.reason));
                format!("{id}\t{}\t{reason}", letter.attempts)
            };
            printer.line(line).await.context("standard output cannot be written")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
