//! A leadership that is held until a signal comes.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Args;
use entourage_election::{Election, Identity};

use super::{How, What, open, ready};
use crate::{Common, admin, signals};

/// Campaign with a value, print the leadership, and lead until a signal comes
///
/// Prints one JSON line when it leads, and one when that is lost; then it campaigns again.
#[derive(Args)]
pub(crate) struct Elect {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    how: How,
    /// What observers see [default: the identity]
    #[arg(env = "ENTOURAGE_VALUE")]
    value: Option<String>,
}

impl Elect {
    pub(super) async fn main(self, common: &Common) -> Result<ExitCode> {
        let url = self.what.check(self.how.ttl)?;
        if common.check {
            return Ok(ExitCode::SUCCESS);
        }
        let store = open(&url).await?;
        let election = self.how.applied(Election::builder(store, &self.what.name)).build()?;
        let shutdown = signals::shutdown(Duration::from_secs(10))?;
        let seen = election.clone();
        let is_ready = move || ready::contending(&seen.status());
        admin::serve(common, election.clone(), "store", is_ready, &shutdown).await?;
        let identity = self.how.identity.as_ref().map_or_else(Identity::of_process, Identity::new);
        let value = self.value.clone().unwrap_or_else(|| identity.to_string());
        loop {
            let leadership = tokio::select! {
                biased;
                () = shutdown.draining() => None,
                leadership = election.campaign(value.clone()) => Some(leadership?),
            };
            let Some(leadership) = leadership else {
                election.leave().await;
                return Ok(ExitCode::SUCCESS);
            };
            let fence = leadership.fence();
            let key = leadership.key().map(|(key, _)| format!("{}{key}", url.key_prefix()));
            println!(
                "{}",
                serde_json::json!({
                    "event": "elected", "name": self.what.name, "value": value, "key": key,
                    "epoch": fence.epoch(), "scope": fence.scope().as_str(), "realm": fence.realm().to_string(),
                })
            );
            tokio::select! {
                biased;
                () = shutdown.draining() => {
                    leadership.resign().await?;
                    return Ok(ExitCode::SUCCESS);
                }
                () = leadership.lost() => println!("{}", serde_json::json!({"event": "lost", "name": self.what.name})),
                () = leadership.asked_to_resign() => {
                    leadership.resign().await?;
                    println!("{}", serde_json::json!({"event": "resigned", "name": self.what.name}));
                }
            }
        }
    }
}
