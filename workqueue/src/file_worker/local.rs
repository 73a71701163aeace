//! Files of this machine, below the roots that were allowed.

use std::{
    fs::File,
    io,
    path::{Component, Path, PathBuf},
};

use entourage_core::planted;
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};

use super::failure::Failure;

/// Opens the regular file with these parts of a path, below one of `roots`: no link is followed
/// but a root itself. Says how long it is.
pub(super) fn open(roots: &[PathBuf], parts: &[String]) -> Result<(File, u64), Failure> {
    let shown = format!("/{}", parts.join("/"));
    let outside =
        || Failure::dead(format!("{shown} is below no folder that may be read; allow one with with_root"));
    let mut below = roots.iter().filter_map(|root| Some((root, rest(root, parts)?)));
    let (root, rest) = below.next().ok_or_else(outside)?;
    let (last, folders) = rest.split_last().ok_or_else(outside)?;
    let common = OFlags::RDONLY | OFlags::CLOEXEC;
    let followed = if planted("file-worker-leaves-the-root") { OFlags::empty() } else { OFlags::NOFOLLOW };
    let opened = (|| {
        let mut folder = openat(CWD, root, common | OFlags::DIRECTORY, Mode::empty())?;
        for part in folders {
            folder = openat(&folder, part, common | OFlags::DIRECTORY | followed, Mode::empty())?;
        }
        // A pipe is not waited for.
        let flags = common | OFlags::NONBLOCK | OFlags::NOCTTY | followed;
        openat(&folder, last, flags, Mode::empty())
    })();
    let file = match opened {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Err(Failure::dead(format!("{shown} is not there"))),
        Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK) => {
            return Err(Failure::dead(format!("{shown} leads over a link, and none is followed")));
        }
        Err(error) => return Err(Failure::io(&shown, &error.into())),
    };
    let found = file.metadata().map_err(|error: io::Error| Failure::io(&shown, &error))?;
    match found.is_file() {
        true => Ok((file, found.len())),
        false => Err(Failure::dead(format!("{shown} is no regular file"))),
    }
}

/// The parts below `root`, if they are.
fn rest<'a>(root: &Path, parts: &'a [String]) -> Option<&'a [String]> {
    let mut rest = parts;
    for component in root.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => {
                let (first, others) = rest.split_first()?;
                rest = (name == first.as_str()).then_some(others)?;
            }
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    root.is_absolute().then_some(rest)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::rest;

    #[test]
    fn what_begins_alike_is_not_below() {
        let parts = ["srv", "media", "a"].map(str::to_owned);
        let below = |root: &str| rest(Path::new(root), &parts).map(<[_]>::len);
        assert_eq!(below("/srv/media"), Some(1));
        assert_eq!(below("/srv/"), Some(2));
        assert_eq!(below("/"), Some(3));
        for root in ["/srv/med", "/srv/media/a/b", "srv", "/srv/../srv", ""] {
            assert_eq!(below(root), None, "{root}");
        }
    }
}
