//! Outputs in a folder of this machine: whole or not at all.

use std::{
    fs::File,
    io::{self, Seek},
    os::fd::OwnedFd,
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use entourage_core::planted;
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, fsync, mkdirat, openat, renameat, unlinkat},
    io::Errno,
};

/// Puts a copy of `source`, from its beginning, as `file` into the folder `folder` of `root`, which
/// has to exist. What is seen there is whole, also after a loss of power.
pub(super) fn put(root: &Path, folder: &str, file: &str, source: &File, length: u64) -> io::Result<()> {
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, root, directory, Mode::empty())?;
    match mkdirat(&root, folder, Mode::from_raw_mode(0o755)) {
        Ok(()) => fsync(&root)?,
        Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let folder = openat(&root, folder, directory | OFlags::NOFOLLOW, Mode::empty())?;
    let mut source = source;
    source.seek(io::SeekFrom::Start(0))?;
    let (mut opened, hidden) = fresh(&folder, file)?;
    let written = io::copy(&mut source, &mut opened).and_then(|copied| {
        if copied != length {
            return Err(io::Error::other("it changed while it was copied"));
        }
        opened.sync_all()?;
        Ok(renameat(&folder, &hidden, &folder, file)?)
    });
    if let Err(error) = written {
        // If it stays, it stays hidden.
        let _ = unlinkat(&folder, &hidden, AtFlags::empty());
        return Err(error);
    }
    Ok(fsync(&folder)?)
}

/// A hidden file that nobody had: neither another process of this number nor one that was killed.
fn fresh(folder: &OwnedFd, file: &str) -> io::Result<(File, String)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o644);
    if planted("file-worker-writes-in-place") {
        return Ok((openat(folder, file, flags | OFlags::TRUNC, mode)?.into(), file.to_owned()));
    }
    loop {
        let hidden = format!(".entourage-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        match openat(folder, &hidden, flags | OFlags::EXCL, mode) {
            Ok(opened) => return Ok((opened.into(), hidden)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
