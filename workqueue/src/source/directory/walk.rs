//! Files below a root, by handles of folders: no link is ever followed.

use std::{
    ffi::CStr,
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
};

use entourage_core::planted;
use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat},
    io::Errno,
};

use super::glob::Glob;
use crate::source::{
    listing::{Listing, ListingBuilder},
    name::{InvalidName, ItemName},
};

/// Folders inside folders; what is deeper is not looked at.
const DEPTH: usize = 32;

/// What changes when a file does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) inode: u64,
    pub(super) size: i64,
    pub(super) modified: (i64, u64),
    pub(super) changed: (i64, u64),
}

/// A file, by its name relative to the root.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: ItemName,
    pub(super) stamp: Stamp,
}

/// What there is below a root.
pub(super) struct Walk<'g> {
    globs: &'g [Glob],
    files: Vec<Found>,
    /// What was found and is not offered.
    findings: ListingBuilder,
    limit: usize,
    is_cut: bool,
}

/// The regular files below `root` that a pattern matches, sorted by the bytes of their names, and
/// what was left out.
pub(super) fn walk(root: &Path, globs: &[Glob], limit: usize) -> io::Result<(Vec<Found>, ListingBuilder)> {
    let root = folder(root)?;
    let findings = Listing::builder().with_limit(limit);
    let mut walk = Walk { globs, files: Vec::new(), findings, limit, is_cut: false };
    walk.enter(&root, "", 0)?;
    walk.files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok((walk.files, walk.findings))
}

impl Walk<'_> {
    fn enter(&mut self, folder: &OwnedFd, prefix: &str, depth: usize) -> io::Result<()> {
        let descends = self.globs.iter().any(Glob::descends);
        for entry in Dir::read_from(folder)? {
            if self.is_cut {
                break;
            }
            let entry = entry?;
            let bytes = entry.file_name().to_bytes();
            // Hidden are the files of writers that have not finished, and the folder and its parent.
            if bytes.starts_with(b".") {
                continue;
            }
            let Ok(text) = entry.file_name().to_str() else {
                let shown = format!("{prefix}{}", String::from_utf8_lossy(bytes));
                self.findings.skip(&shown, InvalidName::NotText);
                continue;
            };
            let path = format!("{prefix}{text}");
            let stat = match statat(folder, entry.file_name(), unfollowed()) {
                Ok(stat) => stat,
                // It went between the two looks.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory if descends => self.descend(folder, entry.file_name(), &path, depth)?,
                FileType::RegularFile if self.globs.iter().any(|glob| glob.matches(&path)) => {
                    self.take(&path, &stat);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn descend(&mut self, parent: &OwnedFd, name: &CStr, path: &str, depth: usize) -> io::Result<()> {
        if depth == DEPTH {
            self.findings.miss(format!("what is below {path:?}, as folders are {DEPTH} deep there"));
            return Ok(());
        }
        match openat(parent, name, OFlags::DIRECTORY | opening(), Mode::empty()) {
            Ok(folder) => match self.enter(&folder, &format!("{path}/"), depth + 1) {
                // It may be read and not searched.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    self.findings.miss(format!("what is below {path:?}: {error}"));
                    Ok(())
                }
                entered => entered,
            },
            // It went, or became something else, between the two looks.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(error @ (Errno::ACCESS | Errno::PERM)) => {
                self.findings.miss(format!("what is below {path:?}: {error}"));
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, path: &str, stat: &Stat) {
        match ItemName::new(path) {
            Ok(_) if self.files.len() == self.limit => {
                let limit = self.limit;
                self.findings.miss(format!("there are more than {limit} files, and some are not listed"));
                self.is_cut = true;
            }
            Ok(name) => self.files.push(Found { name, stamp: stamp(stat) }),
            Err(why) => self.findings.skip(path, why),
        }
    }
}

/// A regular file, opened below the root; none if there is none, or a link stands in the way.
pub(super) fn open(root: &Path, name: &ItemName) -> io::Result<Option<(OwnedFd, Stat)>> {
    let mut folder = folder(root)?;
    let mut parts = name.as_str().split('/').peekable();
    while let Some(part) = parts.next() {
        if part.is_empty() || part.starts_with('.') {
            return Ok(None);
        }
        let kind = if parts.peek().is_some() { OFlags::DIRECTORY } else { OFlags::NONBLOCK };
        folder = match openat(&folder, part, kind | opening(), Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::NAMETOOLONG) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
    }
    let stat = fstat(&folder)?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Ok(is_file.then_some((folder, stat)))
}

/// The bytes of an opened file, or none if it has more than `limit`.
pub(super) fn read(file: OwnedFd, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::from(file).take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

/// The root itself, which may be a link: whoever chose it meant where it leads.
pub(super) fn folder(root: &Path) -> io::Result<OwnedFd> {
    let opened = openat(CWD, root, OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY, Mode::empty());
    Ok(opened?)
}

fn opening() -> OFlags {
    let flags = OFlags::CLOEXEC | OFlags::RDONLY;
    if planted("source-follows-links") { flags } else { flags | OFlags::NOFOLLOW }
}

fn unfollowed() -> AtFlags {
    if planted("source-follows-links") { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW }
}

#[expect(clippy::unnecessary_cast, reason = "the types differ between platforms")]
fn stamp(stat: &Stat) -> Stamp {
    Stamp {
        inode: stat.st_ino as u64,
        size: stat.st_size as i64,
        modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
    }
}
