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

/// Calls `pause` at SIGUSR1 and `resume` at SIGUSR2, for as long as the program runs.
pub(crate) fn pausing(
    pause: impl Fn() + Send + 'static,
    resume: impl Fn() + Send + 'static,
) -> std::io::Result<()> {
    let (mut first, mut second) =
        (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                _ = first.recv() => {
                    tracing::info!("paused; SIGUSR2 resumes");
                    pause();
                }
                _ = second.recv() => {
                    tracing::info!("resumed");
                    resume();
                }
            }
        }
    });
    Ok(())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
