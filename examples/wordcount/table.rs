//! Counts the words at hand.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::run::{Run, RunWriter};

/// A table of words and how often each was counted.
///
/// Nearly every lookup is of a word that was seen before, and waits for memory. So all is as
/// close together as can be: each word beside its count, in the order in which they were first
/// seen, which is nearly that of how frequent they are.
#[derive(Debug, Default)]
pub struct Table {
    records: Records,
    /// Where each word's record is.
    places: HashTable<u32>,
    hasher: FixedState,
    total: u64,
}

impl Table {
    /// Counts `word` once more.
    pub fn add(&mut self, word: &str) {
        let Self { records, places, hasher, total } = self;
        let (word, hash) = (word.as_bytes(), |word: &[u8]| hasher.hash_one(word));
        let hashed = hash(word);
        *total += 1;
        if let Some(&place) = places.find(hashed, |&place| records.word(place) == word) {
            records.increment(place);
        } else {
            let place = records.push(word);
            places.insert_unique(hashed, place, |&place| hash(records.word(place)));
        }
    }

    /// How many different words it holds.
    pub fn len(&self) -> u64 {
        self.places.len() as u64
    }

    /// Takes out what was counted since the last time, and how much that is in all.
    pub fn take(&mut self) -> (Run, u64) {
        let mut places = Vec::with_capacity(self.places.len());
        let mut next = 0;
        while let Some((word, after)) = self.records.at(next) {
            places.push((beginning(word), next));
            next = after;
        }
        let word = |place: u32| self.records.word(place);
        places.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| word(*x).cmp(word(*y))));

        let mut run = RunWriter::with_capacity(self.records.bytes.len());
        places.iter().for_each(|&(_, place)| run.push(word(place), self.records.count(place)));
        self.places.clear();
        self.records.bytes.clear();
        (run.finish(), std::mem::take(&mut self.total))
    }
}

/// The first bytes of a word as a number that sorts as they do.
fn beginning(word: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = word.len().min(first.len());
    first[..length].copy_from_slice(&word[..length]);
    u64::from_be_bytes(first)
}

/// Words and counts, one after the other: four bytes of count, two of length, the word.
#[derive(Debug, Default)]
struct Records {
    bytes: Vec<u8>,
}

impl Records {
    const COUNT: usize = 4;
    const LENGTH: usize = 2;

    /// Adds a word that was counted once, and returns its place.
    fn push(&mut self, word: &[u8]) -> u32 {
        let place = u32::try_from(self.bytes.len()).expect("a step's words are less than 4 GiB");
        self.bytes.extend_from_slice(&1_u32.to_le_bytes());
        self.bytes.extend_from_slice(&(word.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(word);
        place
    }

    /// The word at `place`, and the place of the next; `None` behind the last.
    fn at(&self, place: u32) -> Option<(&[u8], u32)> {
        let (_, length_and_word) = self.bytes[place as usize..].split_at_checked(Self::COUNT)?;
        let (length, word) = length_and_word.split_first_chunk::<{ Self::LENGTH }>()?;
        let length = u16::from_le_bytes(*length);
        let next = place + (Self::COUNT + Self::LENGTH) as u32 + u32::from(length);
        Some((&word[..usize::from(length)], next))
    }

    fn word(&self, place: u32) -> &[u8] {
        self.at(place).expect("a place is that of a record").0
    }

    fn count(&self, place: u32) -> u64 {
        let count = self.bytes[place as usize..].first_chunk().expect("a place is that of a record");
        u32::from_le_bytes(*count).into()
    }

    fn increment(&mut self, place: u32) {
        let count = self.bytes[place as usize..].first_chunk_mut().expect("a place is that of a record");
        *count = (u32::from_le_bytes(*count) + 1).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Table;

    #[test]
    fn words_of_every_length_come_out_once_and_in_order() {
        let mut table = Table::default();
        let long = "a".repeat(1024);
        let words: Vec<&str> = (1..=1024).map(|length| &long[..length]).chain(["b", "é", "漢字"]).collect();
        for round in 1..=3 {
            let mut plain = BTreeMap::new();
            for word in words.iter().cycle().take(words.len() * round) {
                table.add(word);
                *plain.entry(*word).or_insert(0_u64) += 1;
            }
            assert_eq!(table.len(), plain.len() as u64);
            let (run, total) = table.take();
            assert!(run.iter().eq(plain), "round {round}");
            assert_eq!(total, (words.len() * round) as u64);
        }
        assert_eq!((table.len(), table.take().1), (0, 0));
    }
}
