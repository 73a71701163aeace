//! What there is of a file that is fetched, and what is known of it; all of it waits for the disk.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use entourage_core::planted;
use serde_json::{Value, json};

use super::{
    answer::{Asked, Told},
    outputs::digest_of,
    place::Place,
};
use crate::folder::publish;

/// What there is of a file that is fetched.
///
/// Its record is written before its first byte, so that bytes without one are nobody's. Bytes that
/// were not flushed are trusted until the machine starts anew, and then fetched again.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    place: Place,
    /// Which file it is of; a digest, as an address may be secret.
    of: String,
}

impl Partial {
    pub(super) const fn new(place: Place, of: String) -> Self {
        Self { place, of }
    }

    /// Whether the whole file is there, as it was fetched; one that a crash kept from its place is
    /// put there.
    pub(super) fn is_whole(&self) -> io::Result<bool> {
        let Some(record) = self.record()? else { return Ok(false) };
        let Some(total) = record["total"].as_u64().filter(|_| record["whole"] == true) else {
            return Ok(false);
        };
        if planted("file-worker-fetches-again") {
            return Ok(false);
        }
        let input = self.place.input();
        if length(&input)? == Some(total) {
            return Ok(true);
        }
        let draft = self.draft()?;
        let is_here = length(&draft)? == Some(total);
        if is_here {
            fs::rename(draft, input)?;
        }
        Ok(is_here)
    }

    /// What to ask for: the rest, if a server can tell whether it is one of the same file.
    pub(super) fn asked(&self) -> io::Result<Asked> {
        let Some(record) = self.record()? else { return Ok(Asked::default()) };
        let is_of_now = boot().is_some_and(|boot| record["boot"] == boot) && record["whole"] == false;
        let (validator, total) = (record["validator"].as_str(), record["total"].as_u64());
        let from = length(&self.draft()?)?.unwrap_or(0);
        let is_beginning = from > 0 && total.is_none_or(|total| from < total);
        match validator {
            Some(validator) if is_of_now && is_beginning => {
                Ok(Asked { from, validator: Some(validator.to_owned()), total })
            }
            _ => Ok(Asked::default()),
        }
    }

    /// A file that is begun, of what the server has told.
    pub(super) fn begin(&self, told: &Told) -> io::Result<File> {
        self.discard()?;
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(self.draft()?)?;
        let record = json!({
            "of": self.of, "boot": boot(), "validator": told.validator, "total": told.total, "whole": false,
        });
        // It need not outlast the machine: what there is does not either.
        let path = self.record_path()?;
        let draft = path.with_extension("draft");
        fs::write(&draft, record.to_string())?;
        fs::rename(draft, path)?;
        Ok(file)
    }

    /// The file that is gone on with.
    pub(super) fn resume(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(self.draft()?)
    }

    /// The SHA-256 of what there is, in base 64.
    pub(super) fn digest(&self) -> io::Result<String> {
        digest_of(&File::open(self.draft()?)?).map(|(digest, _)| digest.base64())
    }

    /// Makes what there is the whole file, for good.
    pub(super) fn complete(&self, length: u64) -> io::Result<()> {
        let draft = self.draft()?;
        let file = File::open(&draft)?;
        file.set_permissions(Permissions::from_mode(0o400))?;
        file.sync_all()?;
        let record = json!({ "of": self.of, "total": length, "whole": true });
        publish(&self.record_path()?, record.to_string().as_bytes())?;
        fs::rename(draft, self.place.input())
    }

    /// Forgets what there is; the record goes first.
    pub(super) fn discard(&self) -> io::Result<()> {
        [self.record_path()?, self.draft()?, self.place.input()].iter().try_for_each(|path| {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }

    fn draft(&self) -> io::Result<PathBuf> {
        self.place.state("partial")
    }

    fn record_path(&self) -> io::Result<PathBuf> {
        self.place.state("fetch")
    }

    /// The record, if it is of this file.
    fn record(&self) -> io::Result<Option<Value>> {
        match fs::read(self.record_path()?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            // One that cannot be read is none.
            Ok(text) => {
                let record = serde_json::from_slice::<Value>(&text).ok();
                Ok(record.filter(|record| record["of"] == self.of.as_str()))
            }
        }
    }
}

/// The length of a regular file, if there is one.
fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(found) => Ok(found.is_file().then_some(found.len())),
    }
}

/// What is another each time that the machine starts; where nobody tells, nothing is resumed.
fn boot() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(boot.trim().to_owned()).filter(|boot| !boot.is_empty())
}
