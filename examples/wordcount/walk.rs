//! The source: lists files and cuts them into pages.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use entourage::{
    core::BoxError,
    queue::{Publication, StateWrite},
    workflow::{Channel, Chunk, Contribution, Cursor, Malformed, Payload, Reader, Source, Writer},
};

use crate::{
    count::Reducers,
    counts::Note,
    page::{Identity, PAGE_BYTES, Page, pages_of, read_path, write_path},
    tree::{Found, Tree},
};

/// Most pages in one chunk.
const CHUNK_PAGES: usize = 500;

/// Bytes of file records after which a chunk ends.
const CHUNK_BYTES: usize = 16 * 1024;

/// How far the listing has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The path argument that is being listed.
    pub root: u64,
    /// The last path that was listed below it.
    pub path: Option<PathBuf>,
    /// The file that is not fully cut yet: its next page and what it was when it was listed.
    pub open: Option<(u64, Identity)>,
    /// Files that have pages.
    pub files: u64,
    pub pages: u64,
    /// Records of files written.
    pub records: u64,
    /// Whether the listing is over: the manifest.
    pub closed: bool,
}

/// A part of the listing, kept to tell what has changed since.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Each file, with its number, or 0 for one without pages.
    pub files: Vec<(u64, PathBuf, Identity)>,
    pub notes: Vec<Note>,
}

/// The name of a record of the listing.
pub fn record_key(record: u64) -> String {
    format!("files/{record:08}")
}

/// Lists what is below the given paths, in the order of their names.
#[derive(Debug)]
pub struct Walk {
    pub roots: Vec<PathBuf>,
    /// Directories of these names are left out.
    pub without: &'static [&'static str],
    /// The program's own files.
    pub own: HashSet<PathBuf>,
    pub pages: Channel<Page>,
    pub reducers: Reducers,
    pub tree: Option<(Position, Tree)>,
}

impl Walk {
    /// The walk from `position` on; the one at hand if that is where it stands.
    fn tree(&mut self, position: &Position) -> Tree {
        match self.tree.take() {
            Some((at, tree)) if at == *position => tree,
            _ => Tree::below(self.roots.get(position.root as usize), position.path.as_deref()),
        }
    }

    fn cut(
        &self,
        at: &mut Position,
        path: &Path,
        from: u64,
        identity: Identity,
        into: &mut Vec<Publication>,
    ) {
        let of = pages_of(identity.size);
        at.open = None;
        for number in from..=of {
            if into.len() == CHUNK_PAGES {
                at.open = Some((number, identity));
                return;
            }
            let offset = (number - 1) * PAGE_BYTES;
            let length = PAGE_BYTES.min(identity.size - offset);
            at.pages += 1;
            let page = Page { file: at.files, number, of, offset, length, path: path.to_owned(), identity };
            into.push(self.pages.publication(at.pages, format!("page/{}", at.pages), &page));
        }
    }
}

impl Source for Walk {
    fn next(&mut self, cursor: Option<&Cursor>) -> Result<Chunk, BoxError> {
        let mut at = cursor.map_or_else(|| Ok(Position::default()), |cursor| Position::decode(cursor))?;
        let mut tree = self.tree(&at);
        let (mut publish, mut listed, mut bytes) = (Vec::new(), Listed::default(), 0);
        if let (Some((from, identity)), Some(path)) = (at.open, at.path.clone()) {
            self.cut(&mut at, &path, from, identity, &mut publish);
        }
        while publish.len() < CHUNK_PAGES && bytes < CHUNK_BYTES && !at.closed {
            match tree.next(&self.own, self.without) {
                Some(Found::File(path, identity)) => {
                    bytes += path.as_os_str().len() + 80;
                    let number = if identity.size > 0 { at.files + 1 } else { 0 };
                    listed.files.push((number, path.clone(), identity));
                    at.path = Some(path.clone());
                    if identity.size > 0 {
                        at.files += 1;
                        self.cut(&mut at, &path, 1, identity, &mut publish);
                    }
                }
                Some(Found::Skipped(path, why)) => {
                    bytes += path.as_os_str().len() + why.len();
                    listed.notes.push(Note { path: path.display().to_string(), why });
                    at.path = Some(path);
                }
                None if (at.root as usize) < self.roots.len() => {
                    at.root += 1;
                    at.path = None;
                    tree = Tree::below(self.roots.get(at.root as usize), None);
                }
                None => {
                    at.closed = true;
                    publish
                        .extend(self.reducers.of_files("manifest".into(), Contribution::manifest(at.files)));
                }
            }
        }
        let record = record_key(at.records);
        at.records += 1;
        let state = vec![StateWrite { key: record.into(), expected: None, value: Some(listed.encode()) }];
        self.tree = Some((at.clone(), tree));
        Ok(Chunk { publish, state, cursor: at.encode(), last: at.closed })
    }
}

impl Payload for Position {
    fn write(&self, writer: &mut Writer) {
        for number in [self.root, self.files, self.pages, self.records, u64::from(self.closed)] {
            writer.number(number);
        }
        writer.number(u64::from(self.path.is_some()));
        self.path.iter().for_each(|path| write_path(path, writer));
        writer.number(self.open.map_or(0, |(page, _)| page));
        self.open.iter().for_each(|(_, identity)| identity.write(writer));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut number = || reader.number();
        let (root, files, pages, records, closed) =
            (number()?, number()?, number()?, number()?, number()? == 1);
        let path = if reader.number()? == 1 { Some(read_path(reader)?) } else { None };
        let open = match reader.number()? {
            0 => None,
            page => Some((page, Identity::read(reader)?)),
        };
        Ok(Self { root, path, open, files, pages, records, closed })
    }
}

impl Payload for Listed {
    fn write(&self, writer: &mut Writer) {
        writer.number(self.files.len() as u64);
        for (number, path, identity) in &self.files {
            writer.number(*number);
            write_path(path, writer);
            identity.write(writer);
        }
        self.notes.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let file =
            |reader: &mut Reader<'_>| Ok((reader.number()?, read_path(reader)?, Identity::read(reader)?));
        let files = (0..reader.number()?).map(|_| file(reader)).collect::<Result<_, Malformed>>()?;
        Ok(Self { files, notes: Vec::read(reader)? })
    }
}
