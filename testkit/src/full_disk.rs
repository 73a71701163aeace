//! A disk with little room.

use std::{path::Path, sync::OnceLock};

use crate::{
    mount::{Mount, privileged},
    scratch::Scratch,
};

/// A disk with little room, to be filled: a small `tmpfs`.
#[derive(Debug)]
pub struct FullDisk {
    // Dropped in this order: a directory with a mount in it cannot be removed.
    _mount: Mount,
    scratch: Scratch,
}

impl FullDisk {
    /// Why no such disk can be had here, if so. Finds out by trying, once per process.
    ///
    /// # Errors
    /// The reason: it needs root, and a kernel that lets it mount.
    pub fn available() -> Result<(), String> {
        static AVAILABLE: OnceLock<Result<(), String>> = OnceLock::new();
        AVAILABLE.get_or_init(|| privileged().and_then(|()| Self::try_new(64 * 1024).map(drop))).clone()
    }

    /// An empty disk with room for this many bytes, in whole pages.
    ///
    /// # Panics
    /// If it cannot be had; ask [`FullDisk::available`] first.
    #[must_use]
    #[track_caller]
    pub fn new(bytes: u64) -> Self {
        Self::try_new(bytes).unwrap_or_else(|why| panic!("no small disk: {why}"))
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    fn try_new(bytes: u64) -> Result<Self, String> {
        let scratch = Scratch::new();
        let options = format!("size={bytes}");
        let mount = Mount::new(["-t", "tmpfs", "-o", &options, "tmpfs"], scratch.path())?;
        Ok(Self { _mount: mount, scratch })
    }
}
