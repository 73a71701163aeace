//! How often each word was seen.

use std::{fmt, hash::BuildHasher};

use bytes::Bytes;
use entourage::{
    core::Merge,
    workflow::{IdSet, Malformed, Payload, Reader, Writer},
};
use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Most notes that one result carries; the rest are counted.
const MAX_NOTES: usize = 10_000;

/// Something that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    pub path: String,
    pub why: String,
}

/// A table of words, in one piece of memory however many there are.
#[derive(Clone, Default)]
pub struct Table {
    letters: Vec<u8>,
    entries: Vec<Entry>,
    places: HashTable<u32>,
    hasher: FixedState,
}

#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    length: u32,
    count: u64,
}

impl Table {
    /// Counts `word` `times` more; returns its place.
    pub fn add(&mut self, word: &str, times: u64) -> usize {
        let Self { letters, entries, places, hasher } = self;
        let text = |entry: &Entry| &letters[entry.start as usize..(entry.start + entry.length) as usize];
        let hash = hasher.hash_one(word);
        if let Some(&place) = places.find(hash, |&place| text(&entries[place as usize]) == word.as_bytes()) {
            entries[place as usize].count += times;
            return place as usize;
        }
        let rehash = |place: &u32| {
            let word = std::str::from_utf8(text(&entries[*place as usize])).expect("only words are stored");
            hasher.hash_one(word)
        };
        let place = entries.len();
        places.insert_unique(
            hash,
            u32::try_from(place).expect("fewer than 2^32 words fit in memory"),
            rehash,
        );
        let start = u32::try_from(letters.len()).expect("fewer than 4 GiB of letters fit in memory");
        letters.extend_from_slice(word.as_bytes());
        entries.push(Entry { start, length: word.len() as u32, count: times });
        place
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn word(&self, place: usize) -> &str {
        let entry = &self.entries[place];
        let letters = &self.letters[entry.start as usize..(entry.start + entry.length) as usize];
        std::str::from_utf8(letters).expect("only words are stored")
    }

    pub fn count(&self, place: usize) -> u64 {
        self.entries[place].count
    }

    /// Every word and its count, in the order they were first seen.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        (0..self.len()).map(|place| (self.word(place), self.count(place)))
    }

    /// Takes the count of the word at `place` back to zero and returns it.
    pub fn take(&mut self, place: usize) -> u64 {
        std::mem::take(&mut self.entries[place].count)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} words)", self.len())
    }
}

/// Words with their counts: as they came, or merged.
#[derive(Clone, Debug)]
pub enum Words {
    /// Encoded, each word once; never decoded where nothing is merged.
    Flat { words: u64, bytes: Bytes },
    /// Merged.
    Merged(Box<Table>),
}

impl Default for Words {
    fn default() -> Self {
        Self::Flat { words: 0, bytes: Bytes::new() }
    }
}

impl Words {
    pub fn len(&self) -> u64 {
        match self {
            Self::Flat { words, .. } => *words,
            Self::Merged(table) => table.len() as u64,
        }
    }

    /// The table, made now if it was not yet.
    pub fn into_table(self) -> Table {
        match self {
            Self::Merged(table) => *table,
            flat @ Self::Flat { .. } => {
                let mut table = Table::default();
                flat.each(|word, count| {
                    table.add(word, count);
                });
                table
            }
        }
    }

    /// Calls `f` with every word and its count.
    pub fn each(&self, mut f: impl FnMut(&str, u64)) {
        match self {
            Self::Merged(table) => table.iter().for_each(|(word, count)| f(word, count)),
            Self::Flat { bytes, .. } => {
                let walked = walk(bytes, &mut f);
                walked.expect("the bytes were walked when they were read");
            }
        }
    }
}

/// Calls `f` with each word of an encoded list.
fn walk(bytes: &[u8], f: &mut impl FnMut(&str, u64)) -> Result<u64, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut words = 0;
    while !reader.is_empty() {
        let word = reader.text()?;
        f(word, reader.number()?);
        words += 1;
    }
    Ok(words)
}

/// The result of some files, or of some pages of one.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub words: Words,
    /// All words, repetitions included.
    pub total: u64,
    /// Files that are in.
    pub files: IdSet,
    /// Files that were left out because there were too many different words.
    pub left_out: IdSet,
    pub notes: Vec<Note>,
    /// Notes beyond the most that are kept.
    pub more_notes: u64,
    /// Most different words; beyond it whole contributions are left out.
    pub limit: u64,
}

impl Counts {
    pub fn new(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    pub fn note(&mut self, note: Note) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        } else {
            self.more_notes += 1;
        }
    }

    /// Whether `other` would bring more different words than the limit.
    fn overflows(&self, other: &Words, table: &Table) -> bool {
        if table.len() as u64 + other.len() <= self.limit {
            return false;
        }
        let mut union = table.clone();
        other.each(|word, count| {
            union.add(word, count);
        });
        union.len() as u64 > self.limit
    }
}

impl Merge for Counts {
    /// Associative and commutative as long as the limit is not reached. Beyond it the order
    /// decides *which* files are left out; what is in is counted right all the same.
    fn merge(&mut self, other: Self) {
        let mut table = std::mem::take(&mut self.words).into_table();
        let mut other = other;
        self.limit = self.limit.max(other.limit);
        if self.overflows(&other.words, &table) {
            other.left_out = other.left_out.union(&other.files);
            other.files = IdSet::new();
        } else {
            other.words.each(|word, count| {
                table.add(word, count);
            });
            self.total += other.total;
        }
        self.words = Words::Merged(Box::new(table));
        self.files = self.files.union(&other.files);
        self.left_out = self.left_out.union(&other.left_out);
        self.more_notes += other.more_notes;
        for note in other.notes {
            self.note(note);
        }
    }
}

impl Payload for Counts {
    fn write(&self, writer: &mut Writer) {
        writer.number(self.total);
        writer.number(self.limit);
        self.files.write(writer);
        self.left_out.write(writer);
        writer.number(self.more_notes);
        writer.number(self.notes.len() as u64);
        for note in &self.notes {
            writer.bytes(note.path.as_bytes());
            writer.bytes(note.why.as_bytes());
        }
        match &self.words {
            Words::Flat { bytes, .. } => writer.bytes(bytes),
            Words::Merged(table) => {
                let mut list = Writer::default();
                list.reserve(table.letters.len() + table.len() * 3);
                table.iter().for_each(|(word, count)| write_word(&mut list, word, count));
                writer.bytes(&list.finish());
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (total, limit) = (reader.number()?, reader.number()?);
        let (files, left_out) = (IdSet::read(reader)?, IdSet::read(reader)?);
        let more_notes = reader.number()?;
        let note = |reader: &mut Reader<'_>| {
            Ok(Note { path: reader.text()?.to_owned(), why: reader.text()?.to_owned() })
        };
        let notes = (0..reader.number()?).map(|_| note(reader)).collect::<Result<_, Malformed>>()?;
        let bytes = Bytes::copy_from_slice(reader.bytes()?);
        let words = walk(&bytes, &mut |_, _| ())?;
        Ok(Self { words: Words::Flat { words, bytes }, total, files, left_out, notes, more_notes, limit })
    }
}

/// Appends one word of an encoded list.
pub fn write_word(list: &mut Writer, word: &str, count: u64) {
    list.bytes(word.as_bytes());
    list.number(count);
}

#[cfg(test)]
mod tests {
    use entourage::{
        core::Merge,
        workflow::{IdSet, Payload, Writer},
    };

    use super::{Counts, Words, write_word};

    fn counted(file: u64, words: &[(&str, u64)]) -> Counts {
        let mut list = Writer::default();
        words.iter().for_each(|(word, count)| write_word(&mut list, word, *count));
        let words_flat = Words::Flat { words: words.len() as u64, bytes: list.finish() };
        let total = words.iter().map(|(_, count)| count).sum();
        Counts { words: words_flat, total, files: IdSet::of(file), ..Counts::new(3) }
    }

    fn sorted(counts: &Counts) -> Vec<(String, u64)> {
        let mut words = Vec::new();
        counts.words.each(|word, count| words.push((word.to_owned(), count)));
        words.sort();
        words
    }

    #[test]
    fn merging_adds_in_either_order_and_survives_the_wire() {
        let (a, b) = (counted(1, &[("ant", 1), ("bee", 2)]), counted(2, &[("bee", 3), ("cat", 4)]));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(b);
        ba.merge(Counts::decode(&a.encode()).unwrap());
        assert_eq!(sorted(&ab), [("ant".into(), 1), ("bee".into(), 5), ("cat".into(), 4)]);
        assert_eq!(sorted(&ab), sorted(&ba));
        assert_eq!((ab.total, ab.files), (10, IdSet::up_to(2)));
    }

    #[test]
    fn what_would_exceed_the_limit_is_left_out_whole() {
        let mut counts = counted(1, &[("ant", 1), ("bee", 2)]);
        counts.merge(counted(2, &[("cat", 1), ("dog", 1)]));
        counts.merge(counted(3, &[("cat", 1), ("bee", 1)]));
        assert_eq!(sorted(&counts), [("ant".into(), 1), ("bee".into(), 3), ("cat".into(), 1)]);
        assert_eq!((counts.total, counts.left_out), (5, IdSet::of(2)));
    }
}
