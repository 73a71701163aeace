//! What a worker is told about its try.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entourage_core::{Fence, Moment, Phase, Shutdown, planted};
use entourage_queue::Delivery;

use crate::{folder::Folder, outcome::Outcome};

/// One try at one item.
#[derive(Clone, Debug)]
pub struct Attempt {
    fence: Fence,
    number: u32,
    deadline: Moment,
    shutdown: Shutdown,
    folder: Option<Folder>,
    scope: Scope,
    /// The latest word, of whichever step.
    said: Arc<Mutex<Option<String>>>,
}

/// The steps of [`MultiWorker`](crate::MultiWorker)s that an attempt is inside of; at first none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// What the names of all records begin with that are written there.
    pub(crate) prefix: String,
    /// What all these records begin with: the steps and versions so far.
    pub(crate) so_far: String,
    /// The names of the steps, as a reason begins with them.
    pub(crate) steps: String,
    /// How many workers of each name were begun there.
    begun: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Scope {
    /// Inside of a step.
    pub(crate) fn of(prefix: String, so_far: String, steps: String) -> Self {
        Self { prefix, so_far, steps, begun: Arc::default() }
    }

    /// How many workers of this name were begun here before this one.
    ///
    /// Two that one closure calls are told apart by nothing else: their records must not be shared.
    pub(crate) fn begin(&self, name: &str) -> u32 {
        if planted("multi-worker-shares-records") {
            return 0;
        }
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let count = begun.entry(name.to_owned()).or_default();
        *count += 1;
        *count - 1
    }
}

impl Attempt {
    /// The attempt of a delivery that must be finished by `deadline`.
    #[must_use]
    pub fn of(delivery: &Delivery, deadline: Moment, shutdown: Shutdown) -> Self {
        let (fence, number) = (delivery.fence().clone(), delivery.attempt());
        let (scope, said) = (Scope::default(), Arc::default());
        Self { fence, number, deadline, shutdown, folder: None, scope, said }
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

    /// Says why this attempt fails, or what it is at: the latest word counts.
    ///
    /// Who makes a dead letter of an item that was tried too often adds it to the reason, also
    /// where the attempt ran out of time. Kept are its last 1,000 letters, without control characters.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use entourage_workqueue::{Outcome, worker_fn};
    ///
    /// let worker = worker_fn("mail", |_item, attempt| async move {
    ///     attempt.explain("waiting for the server of mail");
    ///     attempt.retry(Duration::from_secs(5), "the server of mail is away")
    /// });
    /// # drop(worker);
    /// ```
    pub fn explain(&self, why: impl AsRef<str>) {
        const LETTERS: usize = 1000;
        let letters = |text: &str| text.chars().filter(|letter| !letter.is_control()).count();
        let over = letters(why.as_ref()).saturating_sub(LETTERS);
        let why = why.as_ref().chars().filter(|letter| !letter.is_control()).skip(over);
        let why = self.scope.steps.chars().chain(why).collect();
        *self.said() = Some(why);
    }

    /// The latest word of this attempt and its clones, with the steps in which it was said.
    #[must_use]
    pub fn explanation(&self) -> Option<String> {
        self.said().clone()
    }

    /// [Explains](Self::explain) a failure that may pass: [`Outcome::Retry`].
    pub fn retry(&self, after: Duration, why: impl AsRef<str>) -> Outcome {
        self.explain(why);
        Outcome::Retry(after)
    }

    /// Forgets what an earlier step has said.
    pub(crate) fn unexplained(&self) {
        *self.said() = None;
    }

    fn said(&self) -> MutexGuard<'_, Option<String>> {
        // A text is there whole or not at all.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
