//! Several workers as one.

mod step;

use std::{fmt::Write, io, sync::Arc};

use entourage_core::{Clock, SystemClock, planted};
use entourage_queue::Item;
use xxhash_rust::xxh3::xxh3_64;

use self::step::Step;
use crate::{
    attempt::{Attempt, Scope},
    folder::{
        Folder, Folders, beside,
        opening::{self, Unopened},
    },
    outcome::Outcome,
    worker::Worker,
};

pub use self::step::StepCounts;

/// Several workers as one: the book's multi-worker pattern.
///
/// The steps are done in their order, each when the one before it is done, and share the folder
/// of the item: what one leaves there, the next finds. The first that is not done decides the
/// outcome. Steps are closures, commands and other `MultiWorker`s in any mixture.
///
/// In folders that are [kept](Folders::kept_under), a step that was done is not done again by
/// the next attempt on this machine, unless the item's content, an earlier step or a version has
/// changed. A step whose end could not be recorded is done again: steps may repeat, and never
/// are left out. A closure that calls several `MultiWorker`s of one name has to call them in the same
/// order each time, as it is by that order that their steps are told apart.
///
/// # Examples
/// ```
/// use entourage_workqueue::{CommandWorker, Folders, MultiWorker, Outcome, worker_fn};
///
/// let faces = MultiWorker::new("faces")
///     .folders(Folders::kept_under("/var/lib/faces"))
///     .step("detect", CommandWorker::new("detect-faces").arg("$(WORK_ITEM_FILE)"))
///     .step("check", worker_fn("check", |_item, attempt| async move {
///         let found = attempt.folder().is_some_and(|folder| folder.join("faces.json").exists());
///         if found { Outcome::Done } else { Outcome::Dead("no faces".into()) }
///     }))
///     .step_of_version("blur", "2", CommandWorker::new("blur").arg("faces.json"));
/// assert_eq!(faces.counts().len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct MultiWorker {
    name: String,
    folders: Folders,
    clock: Arc<dyn Clock>,
    steps: Vec<Step>,
}

impl MultiWorker {
    /// A worker of this name, without a step: it is done at once.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            folders: Folders::temporary(),
            clock: Arc::new(SystemClock::new()),
            steps: Vec::new(),
        }
    }

    /// With the items' folders here; else they are [temporary](Folders::temporary), and no step
    /// outlasts its attempt.
    #[must_use]
    pub fn folders(mut self, folders: Folders) -> Self {
        self.folders = folders;
        self
    }

    /// On another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With another step, after those that it has.
    #[must_use]
    pub fn step(self, name: impl Into<String>, worker: impl Worker) -> Self {
        self.step_of_version(name, "", worker)
    }

    /// With another step of which this is the version: where it has changed, what an earlier
    /// attempt has done is done again.
    #[must_use]
    pub fn step_of_version(
        mut self,
        name: impl Into<String>,
        version: impl Into<String>,
        worker: impl Worker,
    ) -> Self {
        self.steps.push(Step::new(name.into(), version.into(), Arc::new(worker)));
        self
    }

    /// How often each step ended in which way, in their order.
    #[must_use]
    pub fn counts(&self) -> Vec<StepCounts> {
        self.steps.iter().map(Step::counts).collect()
    }

    /// The steps that are not done yet, in their order.
    async fn steps(&self, item: &Item, attempt: &Attempt, folder: &Folder) -> Outcome {
        let mut is_resuming = folder.is_kept();
        let scope = attempt.scope();
        let mut so_far = format!("{}{:?}\n", scope.so_far, self.name);
        let records = self.records(scope);
        for (place, step) in self.steps.iter().enumerate() {
            // Writing to a text cannot fail.
            let _ = writeln!(so_far, "{:?} {:?}", step.name, step.version);
            let record = record_of(&records, place);
            if is_resuming && self.was_done(folder, record.clone(), so_far.clone()).await {
                step.resume();
                continue;
            }
            if is_resuming && !planted("multi-worker-believes-later-steps") {
                // What follows was made of what is now made anew.
                let later = (place..self.steps.len()).map(|place| record_of(&records, place)).collect();
                if let Err(error) = forget(folder, later).await {
                    tracing::warn!(%error, worker = self.name, step = step.name, "its records cannot be removed");
                    let why = format!("the record of step {} cannot be removed: {error}", step.name);
                    return attempt.retry(opening::DELAY, why);
                }
            }
            is_resuming = planted("multi-worker-believes-later-steps");
            if attempt.is_cancelled() {
                return Outcome::Interrupted;
            }
            let steps = format!("{}step {}: ", scope.steps, step.name);
            let inner = Scope::of(inside(&record), so_far.clone(), steps);
            attempt.unexplained();
            match step.work(item, &attempt.clone().within(inner)).await {
                Outcome::Done => {}
                Outcome::Dead(why) => return Outcome::Dead(format!("step {}: {why}", step.name)),
                outcome => {
                    tracing::info!(item = %item.id(), worker = self.name, step = step.name, ?outcome, "not done");
                    return outcome;
                }
            }
            let is_last = place + 1 == self.steps.len();
            if folder.is_kept() && !is_last {
                let recorded = record_done(folder, record, so_far.clone()).await;
                if let Err(error) = recorded {
                    tracing::warn!(%error, worker = self.name, step = step.name, "a step that is done is not recorded");
                }
            }
        }
        Outcome::Done
    }

    async fn was_done(&self, folder: &Folder, record: String, wanted: String) -> bool {
        if planted("multi-worker-forgets-steps") {
            return false;
        }
        let folder = folder.clone();
        beside(move || Ok(folder.record(&record) == Some(wanted))).await.unwrap_or(false)
    }

    /// What the names of this worker's records begin with: no part of it is free text.
    ///
    /// A closure may call several workers of one name: each has records of its own, by their order.
    fn records(&self, scope: &Scope) -> String {
        let name = xxh3_64(self.name.as_bytes());
        match scope.begin(&self.name) {
            0 => format!("{}{name:016x}", scope.prefix),
            earlier => format!("{}{name:016x}~{earlier}", scope.prefix),
        }
    }
}

#[async_trait::async_trait]
impl Worker for MultiWorker {
    async fn work(&self, item: &Item, attempt: &Attempt) -> Outcome {
        if let Some(folder) = attempt.held_folder() {
            return self.steps(item, attempt, folder).await;
        }
        let folder = match opening::open(&self.folders, item, attempt, &*self.clock).await {
            Ok(folder) => folder,
            Err(Unopened::Cancelled) => return Outcome::Interrupted,
            Err(Unopened::Failed(why)) => {
                tracing::warn!(item = %item.id(), worker = self.name, why, "not begun");
                return attempt.retry(opening::DELAY, why);
            }
        };
        let outcome = self.steps(item, &attempt.clone().with_folder(folder.clone()), &folder).await;
        opening::close(folder, &outcome).await;
        outcome
    }
}

/// The name of the record of the step at this place.
fn record_of(records: &str, place: usize) -> String {
    format!("{records}-{place}")
}

/// What the names of the records begin with that are written inside of the step of this one.
fn inside(record: &str) -> String {
    format!("{record}_")
}

/// Forgets these steps, and what was done inside of all but the first, which goes on in there.
async fn forget(folder: &Folder, steps: Vec<String>) -> io::Result<()> {
    let folder = folder.clone();
    beside(move || {
        let records = folder.records()?;
        // The latest first: what is left, if one cannot be removed, is a beginning.
        for (place, step) in steps.iter().enumerate().rev() {
            let inside = inside(step);
            let is_stale = |record: &&String| *record == step || place > 0 && record.starts_with(&inside);
            records.iter().filter(is_stale).try_for_each(|record| folder.remove_record(record))?;
        }
        Ok(())
    })
    .await
}

async fn record_done(folder: &Folder, record: String, text: String) -> io::Result<()> {
    let folder = folder.clone();
    beside(move || folder.write_record(&record, &text)).await
}
