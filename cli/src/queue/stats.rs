//! What a group has before it.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::{What, Whose, open};
use crate::{Common, output::Printer};

/// Print how many items are ready, waiting, in flight and dead
///
/// Four exact counts, as they stood together, and the age of the oldest item that is unsettled.
#[derive(Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    whose: Whose,
    /// Print one JSON object: ready, waiting, in_flight, dead, oldest_seconds
    #[arg(long, env = "ENTOURAGE_JSON")]
    json: bool,
}

impl Stats {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let ((url, topic), group) = (self.what.check()?, self.whose.check()?);
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let stats = open(&url).await?.stats(&topic, &group).await.context("the counts cannot be had")?;
        let oldest = stats.oldest.map(|age| age.as_secs_f64());
        let text = if self.json {
            let (ready, waiting, in_flight, dead) = (stats.ready, stats.waiting, stats.in_flight, stats.dead);
            json!({"ready": ready, "waiting": waiting, "in_flight": in_flight, "dead": dead, "oldest_seconds": oldest})
                .to_string()
        } else {
            let oldest = oldest.map_or_else(|| "-".to_owned(), |age| format!("{age:.3}"));
            let [ready, waiting, in_flight, dead] = [stats.ready, stats.waiting, stats.in_flight, stats.dead];
            format!(
                "ready {ready}\nwaiting {waiting}\nin_flight {in_flight}\ndead {dead}\noldest_seconds {oldest}"
            )
        };
        Printer::start()?.line(text).await.context("standard output cannot be written")?;
        Ok(ExitCode::SUCCESS)
    }
}
