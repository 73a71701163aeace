//! Notice of what may concern a receiver or a publisher.

use std::{future, time::Duration};

use entourage_core::planted;
use entourage_engine::redis::{Answer, Command, Fault, Waiter};
use tokio::sync::watch;

use crate::broker::Activity;

/// How long the server is asked to block at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits at the bell, and tells everyone here when it was rung.
///
/// The bell is a stream of one entry, which every process reads and nobody takes: whoever comes
/// late finds the last one. It carries no item.
pub(super) async fn attend(waiter: Waiter, bell: String, changes: watch::Sender<()>) {
    // What was read last says nothing about a server that has taken over.
    let mut waiter = waiter.telling_ends();
    let mut last = "0".to_owned();
    loop {
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        let read = Command::reading("XREAD").arg("BLOCK").number(patience).arg("STREAMS");
        let heard = waiter.wait(read.arg(&bell).arg(&last), PATIENCE).await;
        match heard.and_then(last_of) {
            Ok(Some(id)) => last = id,
            Ok(None) => continue,
            // Whoever waits is to hear why from a call of its own. The waiter paces itself.
            Err(fault) => {
                // After a failover the ids may go on below this one.
                "0".clone_into(&mut last);
                tracing::debug!(error = &fault as &dyn std::error::Error, "cannot wait at the bell");
            }
        }
        if changes.is_closed() {
            return;
        }
        if !planted("redis-queue-bell-is-mute") {
            changes.send_replace(());
        }
    }
}

/// The entry that an answer to `XREAD` of one stream has; none for silence.
fn last_of(heard: Answer) -> Result<Option<String>, Fault> {
    let Some(streams) = heard.some() else { return Ok(None) };
    let [stream] = streams.tuple()?;
    let [_, entries] = stream.tuple()?;
    let Some(entry) = entries.items()?.pop() else { return Ok(None) };
    let [id, _] = entry.tuple()?;
    Ok(Some(id.text()?))
}

/// Changes that may concern a receiver.
#[derive(Debug)]
pub(super) struct Changes(pub(super) watch::Receiver<()>);

#[async_trait::async_trait]
impl Activity for Changes {
    async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The queue is gone, and nothing changes any more.
            future::pending::<()>().await;
        }
    }
}
