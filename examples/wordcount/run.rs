//! Words in order, with their counts.

use std::cmp::Ordering;

use bytes::Bytes;
use entourage::workflow::{Malformed, Payload, Reader, Writer};

/// Words and how often each was seen: in order, each once, encoded as they travel.
///
/// Two runs merge in one pass over both, so nothing is ever looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    words: u64,
    bytes: Bytes,
}

impl Run {
    /// How many words it holds.
    pub fn len(&self) -> u64 {
        self.words
    }

    /// Every word and its count, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.entries().map(|entry| {
            (std::str::from_utf8(entry.word).expect("a run was checked when it was read"), entry.count)
        })
    }

    /// One run of several.
    pub fn of(mut runs: Vec<Self>) -> Self {
        // In pairs, and pairs of pairs: each word is copied as often as there are rounds.
        while runs.len() > 1 {
            runs = runs.chunks(2).map(|pair| pair[0].and(pair.get(1))).collect();
        }
        runs.pop().unwrap_or_default()
    }

    fn and(&self, other: Option<&Self>) -> Self {
        let Some(other) = other else { return self.clone() };
        let mut both = RunWriter::with_capacity(self.bytes.len() + other.bytes.len());
        let (mut mine, mut theirs) = (self.entries(), other.entries());
        let (mut a, mut b) = (mine.next(), theirs.next());
        while let (Some(x), Some(y)) = (&a, &b) {
            match x.word.cmp(y.word) {
                Ordering::Less => {
                    both.copy(x);
                    a = mine.next();
                }
                Ordering::Greater => {
                    both.copy(y);
                    b = theirs.next();
                }
                Ordering::Equal => {
                    both.push(x.word, x.count.saturating_add(y.count));
                    (a, b) = (mine.next(), theirs.next());
                }
            }
        }
        a.into_iter().chain(mine).chain(b).chain(theirs).for_each(|entry| both.copy(&entry));
        both.finish()
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let next = Entry::first_of(rest).expect("a run was checked when it was read")?;
            rest = &rest[next.encoded.len()..];
            Some(next)
        })
    }
}

/// A word of a run.
struct Entry<'a> {
    word: &'a [u8],
    count: u64,
    /// Both, as they stand in the run.
    encoded: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The first one of `bytes`; `None` at their end.
    fn first_of(bytes: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.is_empty() {
            return Ok(None);
        }
        let (word, count) = (reader.bytes()?, reader.number()?);
        Ok(Some(Self { word, count, encoded: &bytes[..bytes.len() - reader.len()] }))
    }
}

/// Writes a run, in order.
#[derive(Debug, Default)]
pub struct RunWriter {
    words: u64,
    list: Writer,
}

impl RunWriter {
    pub fn with_capacity(bytes: usize) -> Self {
        let mut list = Writer::default();
        list.reserve(bytes);
        Self { words: 0, list }
    }

    /// Appends a word that comes after all others.
    pub fn push(&mut self, word: &[u8], count: u64) {
        self.words += 1;
        self.list.bytes(word);
        self.list.number(count);
    }

    fn copy(&mut self, entry: &Entry<'_>) {
        self.words += 1;
        self.list.raw(entry.encoded);
    }

    pub fn finish(self) -> Run {
        Run { words: self.words, bytes: self.list.finish() }
    }
}

impl Payload for Run {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.bytes);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bytes = reader.bytes()?;
        let (mut words, mut rest, mut last) = (0, bytes, &[][..]);
        while let Some(entry) = Entry::first_of(rest)? {
            if entry.word <= last || std::str::from_utf8(entry.word).is_err() {
                return Err(Malformed::new("a list of words out of order"));
            }
            words += 1;
            (rest, last) = (&rest[entry.encoded.len()..], entry.word);
        }
        Ok(Self { words, bytes: Bytes::copy_from_slice(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use entourage::workflow::{Payload, Writer};

    use super::{Run, RunWriter};

    fn run(words: &[(&str, u64)]) -> Run {
        let mut writer = RunWriter::default();
        words.iter().for_each(|(word, count)| writer.push(word.as_bytes(), *count));
        writer.finish()
    }

    #[test]
    fn any_number_of_runs_merges_as_plain_maps_do() {
        let words: Vec<String> =
            (0..60_u8).map(|n| format!("{}{}", char::from(b'a' + n % 26), n / 7)).collect();
        for number in 0..9 {
            let mut plain = BTreeMap::new();
            let mut runs = Vec::new();
            for nth in 1..=number {
                let mut part: Vec<(&str, u64)> =
                    words.iter().step_by(nth).map(|word| (word.as_str(), nth as u64)).collect();
                part.sort_unstable();
                part.dedup_by_key(|(word, _)| *word);
                part.iter().for_each(|(word, count)| *plain.entry(*word).or_insert(0) += count);
                runs.push(run(&part));
            }
            let merged = Run::of(runs);
            assert_eq!(merged.len(), plain.len() as u64);
            assert!(merged.iter().eq(plain), "{number} runs");
            assert_eq!(Run::decode(&merged.encode()), Ok(merged));
        }
    }

    #[test]
    fn a_run_of_somebody_else_is_malformed() {
        for words in [&[("b", 1), ("a", 1)][..], &[("a", 1), ("a", 1)], &[("", 1)]] {
            assert!(Run::decode(&run(words).encode()).is_err(), "{words:?}");
        }
        let mut cut = Writer::default();
        cut.bytes(&[5, b'a']);
        assert!(Run::decode(&cut.finish()).is_err());
    }
}
