use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};

/// A file that has this process' number; it is removed when this is dropped.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    said: String,
}

impl PidFile {
    /// Writes it, over what a process that has died left there.
    pub(super) fn write(path: &Path) -> Result<Self> {
        let said = process::id().to_string();
        fs::write(path, &said)
            .with_context(|| format!("cannot write {}; choose another --pid-file", path.display()))?;
        Ok(Self { path: path.to_owned(), said })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // That of another process stays.
        if fs::read_to_string(&self.path).is_ok_and(|said| said == self.said)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "the file of the process' number stays");
        }
    }
}
