//! What a worker is told about its try.

use std::path::PathBuf;

use entourage_core::{Fence, Moment, Phase, Shutdown};
use entourage_queue::Delivery;

use crate::folder::Folder;

/// One try at one item.
#[derive(Clone, Debug)]
pub struct Attempt {
    fence: Fence,
    number: u32,
    deadline: Moment,
    shutdown: Shutdown,
    folder: Option<Folder>,
    scope: Scope,
}

/// The steps of [`MultiWorker`](crate::MultiWorker)s that an attempt is inside of; at first none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// What the names of all records begin with that are written there.
    pub(crate) prefix: String,
    /// What all these records begin with: the steps and versions so far.
    pub(crate) so_far: String,
}

impl Attempt {
    /// The attempt of a delivery that must be finished by `deadline`.
    #[must_use]
    pub fn of(delivery: &Delivery, deadline: Moment, shutdown: Shutdown) -> Self {
        let (fence, number) = (delivery.fence().clone(), delivery.attempt());
        Self { fence, number, deadline, shutdown, folder: None, scope: Scope::default() }
    }

    /// With the folder of its item, which the steps of a [`MultiWorker`](crate::MultiWorker) share.
    pub(crate) fn with_folder(mut self, folder: Folder) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Inside of a step.
    pub(crate) fn within(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Proof of this attempt: pass it on to whatever the work writes to.
    #[must_use]
    pub const fn fence(&self) -> &Fence {
        &self.fence
    }

    /// The number of this attempt, from 1; interruptions are not counted.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// When the item goes to somebody else.
    #[must_use]
    pub const fn deadline(&self) -> Moment {
        self.deadline
    }

    /// Where the item's files are, if it has a folder: what one step leaves there, the next
    /// finds. It is another's when no clone of this attempt is left.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(Folder::files)
    }

    /// The folder itself.
    pub(crate) const fn held_folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// Waits until the program takes no more work; what is in hand goes on. Cancel-safe.
    pub(crate) async fn draining(&self) {
        self.shutdown.draining().await;
    }

    /// Whether the work is to be given back.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shutdown.phase() == Phase::Stopped
    }

    /// Waits until the work is to be given back. Cancel-safe.
    ///
    /// A worker that cannot finish soon answers
    /// [`Outcome::Interrupted`](crate::Outcome::Interrupted) then, which burns no attempt.
    pub async fn cancelled(&self) {
        self.shutdown.stopped().await;
    }
}
