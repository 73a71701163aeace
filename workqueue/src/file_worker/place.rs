//! Where the files of one file worker are, in the folder of an item.

use std::{io, path::PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::{attempt::Attempt, folder::Folder};

/// Where the files of one file worker are, in the folder of an item.
///
/// Each that is a step of a [`MultiWorker`](crate::MultiWorker) has names of its own in it. A clone
/// keeps the folder held.
#[derive(Clone, Debug)]
pub(super) struct Place {
    folder: Folder,
    suffix: String,
    extension: String,
}

impl Place {
    /// What is added to all names inside of the steps that `attempt` is in.
    pub(super) fn suffix(attempt: &Attempt) -> String {
        match attempt.scope().prefix.as_str() {
            "" => String::new(),
            prefix => format!("-{:016x}", xxh3_64(prefix.as_bytes())),
        }
    }

    pub(super) fn new(folder: Folder, suffix: String, extension: String) -> Self {
        Self { folder, suffix, extension }
    }

    /// The file that was fetched.
    pub(super) fn input(&self) -> PathBuf {
        self.folder.files().join(format!("input{}{}", self.suffix, self.extension))
    }

    /// Where the script leaves what it makes.
    pub(super) fn outputs(&self) -> PathBuf {
        self.folder.files().join(format!("outputs{}", self.suffix))
    }

    /// A file of the worker's own.
    pub(super) fn state(&self, name: &str) -> io::Result<PathBuf> {
        Ok(self.folder.state()?.join(format!("{name}{}", self.suffix)))
    }
}
