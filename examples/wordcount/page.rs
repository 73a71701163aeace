//! A page: the unit of work, a reference into a file.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{FileExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use entourage::workflow::{Malformed, Payload, Reader, Writer};

use crate::words::{BEFORE, BEYOND};

/// The largest page, in bytes.
pub const PAGE_BYTES: u64 = 256 * 1024;

/// What makes a file the same file with the same content, as far as its system tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
    pub size: u64,
    pub modified: i128,
    pub changed: i128,
}

impl Identity {
    pub fn of(metadata: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A page of a file. Pages hold references, not text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its file's number, from 1.
    pub file: u64,
    /// Its number within its file, from 1.
    pub number: u64,
    /// How many pages its file has.
    pub of: u64,
    /// Its first byte in the file.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Where the file is.
    pub path: PathBuf,
    /// What the file was when it was listed.
    pub identity: Identity,
}

/// The pages of a file of this size; none for an empty one.
pub fn pages_of(size: u64) -> u64 {
    size.div_ceil(PAGE_BYTES)
}

/// The file that was read last, kept open for its next page.
#[derive(Debug, Default)]
pub struct PageReader {
    open: Option<(PathBuf, File)>,
    window: Vec<u8>,
}

/// A page with what a tokenizer needs around it.
#[derive(Debug)]
pub struct Window<'a> {
    pub bytes: &'a [u8],
    pub begin: usize,
    pub end: usize,
    /// The window's first byte in the file.
    pub offset: u64,
}

impl PageReader {
    /// Reads a page and makes sure that the file is still the one that was listed.
    ///
    /// The identity is taken *after* the bytes: what was read before a change is whole.
    pub fn read(&mut self, page: &Page) -> Result<Window<'_>, String> {
        let unreadable = |error: io::Error| format!("unreadable: {error}");
        if self.open.as_ref().is_none_or(|(path, _)| *path != page.path) {
            self.open = None;
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            let flags =
                i32::try_from(flags.bits()).map_err(|_| "unreadable: the flags of open do not fit")?;
            // A name that has become a pipe or a link since must neither hang nor lead elsewhere.
            let file =
                OpenOptions::new().read(true).custom_flags(flags).open(&page.path).map_err(unreadable)?;
            self.open = Some((page.path.clone(), file));
        }
        let Some((_, file)) = &self.open else { return Err("unreadable: not open".into()) };
        let from = page.offset.saturating_sub(BEFORE as u64);
        let to = (page.offset + page.length + BEYOND as u64).min(page.identity.size);
        let wanted = usize::try_from(to - from).map_err(|_| "unreadable: a page beyond memory")?;
        self.window.resize(wanted, 0);
        let read = fill(file, &mut self.window, from).map_err(unreadable)?;
        let now = Identity::of(&file.metadata().map_err(unreadable)?);
        if read < wanted || now != page.identity {
            return Err("it changed while it was counted".into());
        }
        let begin = (page.offset - from) as usize;
        Ok(Window { bytes: &self.window, begin, end: begin + page.length as usize, offset: from })
    }
}

/// Reads until `buffer` is full or the file ends.
fn fill(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl Payload for Identity {
    fn write(&self, writer: &mut Writer) {
        for number in [self.device, self.inode, self.size] {
            writer.number(number);
        }
        writer.bytes(&self.modified.to_be_bytes());
        writer.bytes(&self.changed.to_be_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (device, inode, size) = (reader.number()?, reader.number()?, reader.number()?);
        let mut time = || {
            let bytes =
                reader.bytes()?.try_into().map_err(|_| Malformed::new("a time that is not 16 bytes"))?;
            Ok(i128::from_be_bytes(bytes))
        };
        Ok(Self { device, inode, size, modified: time()?, changed: time()? })
    }
}

impl Payload for Page {
    fn write(&self, writer: &mut Writer) {
        for number in [self.file, self.number, self.of, self.offset, self.length] {
            writer.number(number);
        }
        write_path(&self.path, writer);
        self.identity.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            file: reader.number()?,
            number: reader.number()?,
            of: reader.number()?,
            offset: reader.number()?,
            length: reader.number()?,
            path: read_path(reader)?,
            identity: Identity::read(reader)?,
        })
    }
}

/// A path as the bytes it is: it need not be text.
pub fn write_path(path: &Path, writer: &mut Writer) {
    writer.bytes(path.as_os_str().as_bytes());
}

pub fn read_path(reader: &mut Reader<'_>) -> Result<PathBuf, Malformed> {
    Ok(PathBuf::from(std::ffi::OsString::from_vec(reader.bytes()?.to_vec())))
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use entourage_testkit::{Scratch, eventually};

    use super::{Identity, Page, PageReader, pages_of};

    #[test]
    fn a_page_of_a_file_that_is_no_longer_the_same_is_refused() {
        let scratch = Scratch::new();
        let path = scratch.join("file");
        fs::write(&path, "good").unwrap();
        let identity = Identity::of(&fs::metadata(&path).unwrap());
        let page =
            Page { file: 1, number: 1, of: pages_of(4), offset: 0, length: 4, path: path.clone(), identity };
        let mut reader = PageReader::default();
        assert_eq!(reader.read(&page).unwrap().bytes, b"good");
        // As long as before, and open already. A file's times move in ticks of some milliseconds.
        eventually(Duration::from_secs(10), "the file's times move", || {
            fs::write(&path, "evil").unwrap();
            (Identity::of(&fs::metadata(&path).unwrap()) != identity).then_some(())
        });
        for mut reader in [reader, PageReader::default()] {
            assert_eq!(reader.read(&page).unwrap_err(), "it changed while it was counted");
        }
    }
}
