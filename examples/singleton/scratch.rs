//! A folder of one run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};
use entourage::core::{Clock, SystemClock};

/// A new folder, deleted with all that is in it when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Result<Self> {
        // Process numbers come again, moments of the boot clock do not.
        let name = format!("singleton-{}-{:x}", process::id(), SystemClock::new().now().as_nanos());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).with_context(|| format!("cannot make {}; name a --store", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
