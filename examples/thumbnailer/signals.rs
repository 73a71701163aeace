//! Signals that ask the program to end.

use std::{io, time::Duration};

use entourage::core::{Shutdown, SystemClock};
use tokio::signal::unix::{SignalKind, signal};

/// How long what is in work may go on.
const GRACE: Duration = Duration::from_millis(500);

/// Drains at SIGTERM or SIGINT, and stops soon after: no attempt is burnt by that.
pub fn shutdown() -> io::Result<Shutdown> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shutdown = Shutdown::new();
    let asked = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        asked.drain_then_stop(&SystemClock::new(), GRACE).await;
    });
    Ok(shutdown)
}
