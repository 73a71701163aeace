//! File systems that are mounted for a test.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::geteuid;

use crate::{eventually::poll, tool::run};

/// A mounted file system; unmounted when dropped, also under a process that still uses it.
#[derive(Debug)]
pub(crate) struct Mount {
    at: PathBuf,
    mounted: bool,
}

impl Mount {
    /// Runs `mount` with these arguments and `at`.
    pub(crate) fn new(args: impl IntoIterator<Item = impl AsRef<OsStr>>, at: &Path) -> Result<Self, String> {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        run("mount", args.chain([at.as_os_str().to_owned()]))?;
        Ok(Self { at: at.to_owned(), mounted: true })
    }

    /// Unmounts it, once nobody uses it any more.
    pub(crate) fn unmount(mut self) -> Result<(), String> {
        let mut refused = String::new();
        // The kernel lets go of a dead process's files some time after its death was reported.
        let unmounted = poll(Duration::from_secs(10), || match run("umount", [&self.at]) {
            Ok(_) => Some(()),
            Err(why) => {
                refused = why;
                None
            }
        });
        self.mounted = unmounted.is_none();
        unmounted.ok_or(refused)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a panic may have left a process behind that is killed only after this.
        if self.mounted
            && let Err(why) = run("umount", [OsStr::new("--lazy"), self.at.as_os_str()])
        {
            eprintln!("{why}");
        }
    }
}

/// Why nothing can be mounted here, as far as can be told without trying.
pub(crate) fn privileged() -> Result<(), String> {
    if geteuid().is_root() { Ok(()) } else { Err("mounting a file system needs root".to_owned()) }
}
