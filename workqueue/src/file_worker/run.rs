//! The second step: the script is run on the file.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use entourage_queue::Item;

use super::{failure::Failure, job::Job, outputs::Outputs, script::Text};
use crate::{
    attempt::Attempt,
    folder::{Folder, beside},
    outcome::Outcome,
    worker::Worker,
};

/// Where the script finds things.
struct Prepared {
    input: PathBuf,
    outputs: PathBuf,
    script: Option<PathBuf>,
}

impl Job {
    /// Runs the script, with an empty folder for what it makes.
    ///
    /// # Cancel safety
    /// As [`CommandWorker`](crate::CommandWorker)'s: nothing of it runs on.
    pub(super) async fn run(
        &self,
        item: &Item,
        folder: &Folder,
        attempt: &Attempt,
    ) -> Result<Outcome, Failure> {
        // An earlier attempt at this step may have used it up.
        self.fetch(folder, attempt).await?;
        let (place, text) = (self.place(folder), self.text.clone());
        let prepared = beside(move || {
            let outputs = place.outputs();
            empty(&outputs)?;
            let script = text.map(|text| written(&place.state("script")?, &text)).transpose()?;
            Ok(Prepared { input: place.input(), outputs, script })
        });
        let prepared =
            prepared.await.map_err(|error| Failure::io("the script cannot be prepared", &error))?;
        let mut command = self.settings.command.clone();
        if let (Some(text), Some(script)) = (&self.text, &prepared.script) {
            command = command.with_program(text.program(script));
        }
        command = command.env("INPUT_FILE", &prepared.input).env("OUTPUT_DIR", &prepared.outputs);
        attempt.explain("the script is being run");
        match command.work(item, attempt).await {
            Outcome::Done => {}
            outcome => return Ok(outcome),
        }
        self.settings.counts.run.increment();
        // Before this step is recorded: what will never be sent needs no flushing.
        self.outputs(folder).await?;
        Ok(Outcome::Done)
    }

    /// What the script has left.
    pub(super) async fn outputs(&self, folder: &Folder) -> Result<Arc<Outputs>, Failure> {
        let (place, limits) = (self.place(folder), self.settings.limits.clone());
        let listing = beside(move || Ok(Outputs::list(&place.outputs(), &limits))).await;
        let outputs = listing.map_err(|error| Failure::io("the outputs cannot be listed", &error))??;
        if self.settings.destination.is_none() && !outputs.names.is_empty() {
            return Err(Failure::dead("the script has left outputs, and nobody has said where they go"));
        }
        Ok(Arc::new(outputs))
    }
}

/// Makes a directory that is empty, whatever was there.
fn empty(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => DirBuilder::new().mode(0o700).create(path),
    }
}

/// Writes the script, which only its owner may read, change and run.
fn written(path: &Path, text: &Text) -> io::Result<PathBuf> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o700).open(path)?;
    file.write_all(text.text.as_bytes())?;
    Ok(path.to_owned())
}
