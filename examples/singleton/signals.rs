//! Signals that ask a process to end.

use std::io;

use entourage::core::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

/// Drains at SIGTERM or SIGINT.
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
        asked.drain();
    });
    Ok(shutdown)
}
