//! Which file this is, on which machine.

use std::{fs, io, path::Path};

use entourage_core::Realm;
use rustix::{
    fs::{AtFlags, CWD, StatxFlags, statx},
    rand::{GetRandomFlags, getrandom},
};

/// One file, as the system tells it from every other.
///
/// A file system gives a deleted file's inode number to the next one, hence the birth time:
/// a copy restored over its original is told by it. Nothing is opened for it, because
/// closing any descriptor of the file would drop the locks that SQLite holds on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// Nanoseconds; zero where the file system keeps none.
    pub(crate) born: i64,
}

impl FileId {
    /// The file that lies at `path` now.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let wanted = StatxFlags::INO | StatxFlags::BTIME;
        let stat = statx(CWD, path, AtFlags::empty(), wanted)?;
        let has_birth = stat.stx_mask & StatxFlags::BTIME.bits() != 0;
        let nanos = stat.stx_btime.tv_sec.saturating_mul(1_000_000_000);
        let birth = nanos.saturating_add(i64::from(stat.stx_btime.tv_nsec));
        Ok(Self {
            device: u64::from(stat.stx_dev_major) << 32 | u64::from(stat.stx_dev_minor),
            inode: stat.stx_ino,
            born: if has_birth { birth } else { 0 },
        })
    }

    /// The same file, though the machine may have given its device another number since.
    pub(crate) fn is_after_reboot(&self, before: &Self) -> bool {
        (self.inode, self.born) == (before.inode, before.born)
    }
}

/// The machine's id, if it has one: the same over reboots, another on every installation.
pub(crate) fn machine_id() -> Option<String> {
    let read = |path: &&str| {
        let id = fs::read_to_string(path).ok()?.trim().to_owned();
        (!id.is_empty() && id != "uninitialized").then_some(id)
    };
    ["/etc/machine-id", "/var/lib/dbus/machine-id"].iter().find_map(read)
}

/// A realm that no other file has.
pub(crate) fn random_realm() -> io::Result<Realm> {
    let mut id = [0; 16];
    let mut filled = 0;
    while filled < id.len() {
        filled += getrandom(&mut id[filled..], GetRandomFlags::empty())?;
    }
    Ok(Realm::new(u128::from_be_bytes(id)))
}
