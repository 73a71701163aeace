//! Lets a checkpoint past this process's own readers.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Counts the reads under way, and holds new ones up while the log is being emptied.
///
/// Readers that overlap without end would otherwise keep a checkpoint waiting for ever.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    traffic: Mutex<Traffic>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Traffic {
    inside: usize,
    closed: bool,
}

impl Gate {
    /// Waits while the gate is closed. The pass is held for as long as the read lasts.
    pub(crate) fn enter(&self) -> Pass<'_> {
        let is_closed = |traffic: &mut Traffic| traffic.closed;
        let traffic = self.changed.wait_while(self.traffic(), is_closed);
        traffic.unwrap_or_else(PoisonError::into_inner).inside += 1;
        Pass(self)
    }

    /// Closes the gate and waits for those inside to leave, for at most `patience`.
    pub(crate) fn close(&self, patience: Duration) -> Closed<'_> {
        let mut traffic = self.traffic();
        traffic.closed = true;
        let is_busy = |traffic: &mut Traffic| traffic.inside > 0;
        drop(self.changed.wait_timeout_while(traffic, patience, is_busy));
        Closed(self)
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read under way.
#[derive(Debug)]
pub(crate) struct Pass<'a>(&'a Gate);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.traffic().inside -= 1;
        self.0.changed.notify_all();
    }
}

/// The gate, closed until dropped.
#[derive(Debug)]
pub(crate) struct Closed<'a>(&'a Gate);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.traffic().closed = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread, time::Duration};

    use super::Gate;

    #[test]
    fn a_closed_gate_waits_for_those_inside_and_holds_up_the_rest() {
        let gate = Arc::new(Gate::default());
        let pass = gate.enter();
        drop(gate.close(Duration::from_millis(1)));
        assert_eq!(gate.traffic().inside, 1, "patience ended first");
        drop(pass);
        let closed = gate.close(Duration::from_secs(60));
        let late = Arc::clone(&gate);
        let late = thread::spawn(move || late.enter().0.traffic().closed);
        drop(closed);
        assert!(!late.join().unwrap(), "it entered after the gate was opened");
    }
}
