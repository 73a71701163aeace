//! Signals that ask the program to end.

use std::time::Duration;

use entourage_core::{Shutdown, SystemClock};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Drains at SIGTERM or SIGINT; stops `grace` later, or at the second of them.
pub(crate) fn shutdown(grace: Duration) -> std::io::Result<Shutdown> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shutdown = Shutdown::new();
    let asked = shutdown.clone();
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!(?grace, "draining");
        let clock = SystemClock::new();
        tokio::select! {
            biased;
            () = asked.drain_then_stop(&clock, grace) => {}
            () = either(&mut terminate, &mut interrupt) => asked.stop(),
        }
    });
    Ok(shutdown)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
