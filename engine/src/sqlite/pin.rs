//! Who keeps the write-ahead log from being emptied.

use std::{fmt, fs, ops::RangeInclusive, process};

/// The bytes of the `-shm` file that stand for SQLite's read marks.
///
/// From "WAL-mode file format", section 2.3.1: locks begin at byte 120, read marks at 123.
const READ_MARKS: RangeInclusive<u64> = 123..=127;

/// A process that keeps the write-ahead log from being emptied by reading on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pinned {
    /// Its process id, where it can be told.
    pub pid: Option<u32>,
    /// Its command, where it can be told.
    pub command: Option<String>,
    /// The log's size in bytes.
    pub wal_bytes: u64,
}

impl Pinned {
    /// Who holds a read mark now, by the kernel's list of locks.
    pub(crate) fn by(shm_inode: u64, wal_bytes: u64) -> Self {
        let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
        let pid = readers(&locks, shm_inode).into_iter().find(|pid| *pid != process::id());
        let command = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
        Self { pid, command: command.map(|name| name.trim().to_owned()), wal_bytes }
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.command) {
            (Some(pid), Some(command)) => write!(f, "process {pid} ({command})"),
            (Some(pid), None) => write!(f, "process {pid}"),
            (None, _) => f.write_str("a reader that cannot be told"),
        }
    }
}

/// The processes that hold a shared lock on a read mark of the file with this inode.
///
/// A line reads `3: POSIX  ADVISORY  READ 1234 fe:01:5678 124 124`; the inode alone is
/// compared, because layered file systems report another device there than to `stat`. The
/// kernel knows no process id (0 or below) for a holder in a foreign process namespace.
fn readers(locks: &str, inode: u64) -> Vec<u32> {
    let holder = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (kind, _, mode) = (words.next()?, words.next()?, words.next()?);
        let pid = words.next()?.parse::<u32>().ok().filter(|pid| *pid > 0)?;
        let file = words.next()?.rsplit(':').next()?.parse::<u64>().ok()?;
        let start = words.next()?.parse::<u64>().ok()?;
        let reads = kind == "POSIX" && mode == "READ" && file == inode && READ_MARKS.contains(&start);
        reads.then_some(pid)
    };
    locks.lines().filter_map(holder).collect()
}

#[cfg(test)]
mod tests {
    use super::readers;

    #[test]
    fn only_shared_locks_on_read_marks_of_the_file_count() {
        let locks = "\
            1: POSIX  ADVISORY  READ 11 fe:01:77 124 124\n\
            2: POSIX  ADVISORY  WRITE 12 fe:01:77 124 124\n\
            3: POSIX  ADVISORY  READ 13 fe:01:77 128 128\n\
            4: POSIX  ADVISORY  READ 14 fe:01:78 124 124\n\
            5: FLOCK  ADVISORY  READ 15 fe:01:77 124 124\n\
            6: -> POSIX  ADVISORY  READ 16 fe:01:77 124 124\n\
            7: POSIX  ADVISORY  READ 0 fe:01:77 124 124\n\
            8: POSIX  ADVISORY  READ 18 00:2a:77 123 123\n";
        assert_eq!(readers(locks, 77), [11, 18]);
    }
}
