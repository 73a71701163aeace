//! Who leads, line by line.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Args;
use entourage_election::{Election, Observed, Timings};
use serde_json::json;

use super::{What, open, ready};
use crate::{Common, admin, signals};

/// Print a line for every change of leader, and of its value
///
/// Each line is a JSON object: `{"event":"leader","value":…}`, `{"event":"vacant"}`, or
/// `{"event":"resync"}` where changes may be missing.
#[derive(Args)]
pub(crate) struct Observe {
    #[command(flatten)]
    what: What,
    /// Print who leads now, and exit
    #[arg(long, env = "ENTOURAGE_ONCE")]
    once: bool,
}

impl Observe {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let url = self.what.check(Timings::DEFAULT_TTL)?;
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let store = open(&url).await?;
        let election = Election::builder(store.clone(), &self.what.name).build()?;
        let shutdown = signals::shutdown(Duration::from_secs(1))?;
        if common.admin.is_some() {
            admin::serve(common, election.clone(), "store", ready::answering(store), &shutdown).await?;
        }
        let mut observer = election.observe();
        loop {
            let observed = tokio::select! {
                biased;
                () = shutdown.draining() => return Ok(ExitCode::SUCCESS),
                observed = observer.next() => observed?,
            };
            let line = match observed {
                Observed::Leader(leader) => json!({
                    "event": "leader",
                    "value": String::from_utf8_lossy(&leader.value),
                    "key": format!("{}{}", url.key_prefix(), leader.key),
                    "created": leader.created.number(),
                    "version": leader.version.number(),
                }),
                Observed::Vacant => json!({"event": "vacant"}),
                _ => json!({"event": "resync"}),
            };
            println!("{line}");
            if self.once {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}
