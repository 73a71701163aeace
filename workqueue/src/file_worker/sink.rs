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
    fs::{
        AtFlags, CWD, FlockOperation, Mode, OFlags, flock, fstat, fsync, ftruncate, mkdirat, openat,
        renameat, statat, unlinkat,
    },
    io::Errno,
};

use crate::digest::{base32, sha256};

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
    let (mut opened, hidden) = hidden(&folder, file)?;
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

/// A hidden file that nobody else writes: the one of this output, which is left by who is killed and
/// taken over by who comes next, or a fresh one while another has that or locks are not to be had.
fn hidden(folder: &OwnedFd, file: &str) -> io::Result<(File, String)> {
    if planted("file-worker-writes-in-place") {
        return fresh(folder, file);
    }
    let hidden = hidden_name(file);
    match taken_over(folder, &hidden) {
        Ok(Some(opened)) => Ok((opened, hidden)),
        // If it is more than that, the other says so.
        Ok(None) | Err(_) => fresh(folder, file),
    }
}

fn hidden_name(file: &str) -> String {
    format!(".entourage-{}", base32(&sha256(file.as_bytes()), 32))
}

/// The file of that name, empty, and locked until it is closed; none if another has it. Who holds
/// the lock alone renames it: so it is nobody's draft and nobody's output once it is locked.
fn taken_over(folder: &OwnedFd, hidden: &str) -> Result<Option<File>, Errno> {
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(folder, hidden, flags, Mode::from_raw_mode(0o644))?;
    match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Ok(None),
        locked => locked?,
    }
    // It may have been renamed to an output between the two.
    let (ours, named) = (fstat(&opened)?, statat(folder, hidden, AtFlags::SYMLINK_NOFOLLOW)?);
    let is_regular = rustix::fs::FileType::from_raw_mode(ours.st_mode).is_file();
    if !is_regular || ours.st_nlink != 1 || (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino) {
        return Ok(None);
    }
    ftruncate(&opened, 0)?;
    Ok(Some(opened.into()))
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

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        path::Path,
    };

    use entourage_testkit::Scratch;
    use rustix::fs::{FlockOperation, flock};

    use super::{hidden_name, put};

    fn names(folder: &Path) -> Vec<String> {
        let names =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_left_by_who_was_killed_is_gone_after_the_next_put_and_no_other_draft_is_touched() {
        let scratch = Scratch::new();
        let (source, folder) = (scratch.join("source"), scratch.join("x"));
        fs::write(&source, "new").unwrap();
        fs::create_dir(&folder).unwrap();
        let draft = folder.join(hidden_name("a"));
        fs::write(&draft, "half of something longer").unwrap();
        let source = File::open(&source).unwrap();
        put(scratch.path(), "x", "a", &source, 3).unwrap();
        assert_eq!(names(&folder), ["a"]);
        // Another attempt, which is paused, is in the middle of the same output.
        fs::write(&draft, "old").unwrap();
        let held = File::open(&draft).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        put(scratch.path(), "x", "a", &source, 3).unwrap();
        assert_eq!(fs::read_to_string(&draft).unwrap(), "old", "it is another's");
        drop(held);
        put(scratch.path(), "x", "a", &source, 3).unwrap();
        assert_eq!(names(&folder), ["a"]);
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "new");
        // One that cannot be put leaves nothing.
        put(scratch.path(), "x", "b", &source, 4).unwrap_err();
        assert_eq!(names(&folder), ["a"]);
    }
}
