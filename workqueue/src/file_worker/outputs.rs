//! What a script has left, judged before any of it is sent.

use std::{
    ffi::CStr,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::fs::FileExt},
    path::Path,
};

use entourage_core::planted;
use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat},
    io::Errno,
};
use sha2::{Digest as _, Sha256};

use super::{failure::Failure, limits::FileLimits};
use crate::{digest::base32, source::ItemName};

/// The outputs of one script, sorted by their names.
#[derive(Debug)]
pub(super) struct Outputs {
    folder: OwnedFd,
    pub(super) names: Vec<ItemName>,
}

impl Outputs {
    /// What there is in this directory: plain files, within the limits, and nothing else.
    pub(super) fn list(path: &Path, limits: &FileLimits) -> Result<Self, Failure> {
        let failed = |error: Errno| Failure::io("the outputs cannot be listed", &error.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let folder = match openat(CWD, path, flags, Mode::empty()) {
            Err(Errno::LOOP | Errno::NOTDIR | Errno::NOENT) => {
                return Err(Failure::dead("the script has put something else in place of OUTPUT_DIR"));
            }
            opened => opened.map_err(failed)?,
        };
        let (mut names, mut bytes) = (Vec::new(), 0_u64);
        for entry in Dir::read_from(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            if names.len() >= limits.outputs {
                let why = format!("the script has left more than {} files", limits.outputs);
                return Err(Failure::dead(why));
            }
            let (name, size) =
                judged(&folder, entry.file_name()).map_err(|bad| bad.unwrap_or_else(failed))?;
            bytes = bytes.saturating_add(size);
            names.push(name);
        }
        if bytes > limits.output_bytes {
            let most = limits.output_bytes;
            return Err(Failure::dead(format!("the script has left {bytes} bytes, and {most} are the most")));
        }
        names.sort_unstable();
        Ok(Self { folder, names })
    }

    /// The file of that name, what it is known by, and its length.
    pub(super) fn open(&self, name: &ItemName) -> io::Result<(File, Sum, u64)> {
        let file = File::from(openat(&self.folder, name.as_str(), unfollowed(), Mode::empty())?);
        let is_file = file.metadata()?.is_file();
        let (sum, length) =
            if is_file { digest_of(&file)? } else { return Err(io::ErrorKind::InvalidInput.into()) };
        Ok((file, sum, length))
    }
}

/// The name and size of what is a plain file with a name that can be told.
fn judged(folder: &OwnedFd, name: &CStr) -> Result<(ItemName, u64), Bad> {
    let shown = name.to_string_lossy();
    let bad = |what: &str| Bad::Output(Failure::dead(format!("the output {shown:?} {what}")));
    let flags =
        if planted("file-worker-follows-outputs") { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    let stat = statat(folder, name, flags).map_err(Bad::Disk)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Symlink => return Err(bad("is a link, and none is followed")),
        FileType::Directory => return Err(bad("is a directory; leave plain files, as in an archive")),
        _ => return Err(bad("is no plain file")),
    }
    let text = name.to_str().map_err(|_| bad("has a name that is no UTF-8"))?;
    let name = ItemName::new(text).map_err(|_| bad("has a name with control characters"))?;
    Ok((name, u64::try_from(stat.st_size).unwrap_or(0)))
}

/// What is wrong with an output, or with looking at it.
enum Bad {
    Output(Failure),
    Disk(Errno),
}

impl Bad {
    fn unwrap_or_else(self, failed: impl FnOnce(Errno) -> Failure) -> Failure {
        match self {
            Self::Output(failure) => failure,
            Self::Disk(error) => failed(error),
        }
    }
}

fn unfollowed() -> OFlags {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    if planted("file-worker-follows-outputs") { flags } else { flags | OFlags::NOFOLLOW }
}

/// A SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum([u8; 32]);

impl Sum {
    /// In digits that are safe everywhere.
    pub(super) fn base32(self) -> String {
        base32(&self.0, 52)
    }

    /// As HTTP has it (RFC 4648, 4).
    pub(super) fn base64(self) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bit = |at: usize| self.0.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
        let digit = |at: usize| (0..6).fold(0, |digit, offset| digit << 1 | bit(at * 6 + offset));
        let mut text: String = (0..43).map(|at| char::from(DIGITS[digit(at)])).collect();
        text.push('=');
        text
    }
}

/// The digest of a whole file, from its beginning, and its length.
pub(super) fn digest_of(file: &File) -> io::Result<(Sum, u64)> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut at = 0;
    loop {
        match file.read_at(&mut buffer, at) {
            Ok(0) => return Ok((Sum(sum.finalize().into()), at)),
            Ok(length) => {
                sum.update(&buffer[..length]);
                at += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::digest_of;

    #[test]
    fn a_digest_is_written_as_the_standard_has_it() {
        let scratch = entourage_testkit::Scratch::new();
        let path = scratch.join("hello");
        // The example of RFC 9530, appendix B.1.
        std::fs::write(&path, "{\"hello\": \"world\"}\n").unwrap();
        let (sum, length) = digest_of(&File::open(&path).unwrap()).unwrap();
        assert_eq!((sum.base64().as_str(), length), ("RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=", 19));
    }
}
