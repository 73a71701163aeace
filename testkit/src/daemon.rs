//! How a server is started that listens at a port of its own.

use std::time::Duration;

use crate::{eventually::poll, process::Process};

/// How long a server may take to be ready, on a busy machine.
pub(crate) const READY: Duration = Duration::from_secs(30);

/// How often a port is drawn that another program may take in between.
const TRIES: usize = 5;

/// A server that listens at a port which was free a moment ago.
pub(crate) trait Daemon {
    /// The program that runs it.
    fn process(&mut self) -> &mut Process;

    /// Whether a server answers where it listens.
    fn is_ready(&self) -> bool;

    /// Whether it is this process that answers there.
    fn is_itself(&mut self) -> bool {
        self.process().is_running()
    }

    /// Whether it has ended since another program took its port.
    fn has_lost_its_port(&self) -> bool;

    /// What it wrote, for whoever has to find out why it did not start.
    fn said(&self) -> String;
}

/// Has `begin` start a server, with another port where that was taken; returns when it is ready.
///
/// `begin` is told how many tries went before.
///
/// # Panics
/// If it ends for another reason, or is not ready in time.
#[track_caller]
pub(crate) fn start<D: Daemon>(name: &str, mut begin: impl FnMut(usize) -> D) -> D {
    for number in 0..TRIES {
        let mut server = begin(number);
        let is_up = poll(READY, || match server.process().is_running() {
            true => server.is_ready().then_some(true),
            false => Some(false),
        });
        // One that has lost its port to another server sees that one answer, and ends.
        if is_up == Some(true) && server.is_itself() {
            return server;
        }
        if is_up.is_none() || number + 1 == TRIES || !server.has_lost_its_port() {
            let what = if is_up.is_none() { "is not" } else { "ended before it was" };
            let said = server.said();
            // Before the panic, in which its directory would be kept.
            drop(server);
            panic!("{name} {what} ready within {READY:?}\n{said}");
        }
    }
    unreachable!("the last try returns or panics")
}
