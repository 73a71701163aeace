//! Opens the folder of an item for an attempt, and gives it back.

use std::{io, time::Duration};

use entourage_core::{Clock, sleep};
use entourage_queue::Item;

use crate::{
    attempt::Attempt,
    folder::{Folder, Folders},
    outcome::Outcome,
};

/// Why there is no folder.
pub(crate) enum Unopened {
    /// The attempt was cancelled, or another one still had the folder.
    Cancelled,
    /// It cannot be had, for this reason.
    Failed(String),
}

/// How long another attempt on this machine is waited for: one that was paused, and has lost
/// its item to this one without knowing.
const PATIENCE: Duration = Duration::from_secs(10);
/// When an item whose folder could not be had is tried again.
pub(crate) const DELAY: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// The folder of `item`, when no other attempt has it.
pub(crate) async fn open(
    folders: &Folders,
    item: &Item,
    attempt: &Attempt,
    clock: &dyn Clock,
) -> Result<Folder, Unopened> {
    let until = (clock.now() + PATIENCE).min(attempt.deadline());
    loop {
        let (folders, item) = (folders.clone(), item.clone());
        let opening = tokio::task::spawn_blocking(move || folders.open(&item)).await;
        let opened = opening.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        match opened {
            Ok(Some(folder)) => return Ok(folder),
            Ok(None) => {}
            Err(error) => return Err(Unopened::Failed(format!("the item's folder cannot be had: {error}"))),
        }
        if until <= clock.now() {
            return Err(Unopened::Cancelled);
        }
        tokio::select! {
            biased;
            () = attempt.cancelled() => return Err(Unopened::Cancelled),
            () = sleep(clock, LOOK) => {}
        }
    }
}

/// Gives the folder back, and removes it unless the item comes again.
pub(crate) async fn close(folder: Folder, outcome: &Outcome) {
    if matches!(outcome, Outcome::Done | Outcome::Dead(_)) {
        folder.settle();
    }
    // The removal of many files takes long, and its failure is logged there.
    let _ = tokio::task::spawn_blocking(move || drop(folder)).await;
}
