//! How often each word was seen.

use entourage::{
    core::Merge,
    workflow::{IdSet, Malformed, Payload, Reader, Writer},
};

use crate::{report::grouped, run::Run};

/// Most notes that one result carries; the rest are counted.
const MAX_NOTES: usize = 10_000;

/// Something that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    pub path: String,
    pub why: String,
}

/// The result of some files, or of some pages of one.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// What was merged so far: the runs themselves are only merged when somebody reads them.
    runs: Vec<Run>,
    /// All words, repetitions included.
    pub total: u64,
    /// Files that are in, whole or in part.
    pub files: IdSet,
    /// Files that were left out because there were too many different words.
    pub left_out: IdSet,
    pub notes: Vec<Note>,
    /// Notes beyond the most that are kept.
    pub more_notes: u64,
    /// Most different words; beyond it whole contributions are left out.
    limit: u64,
}

impl Counts {
    /// The words of `files`, `total` with their repetitions.
    pub fn new(limit: u64, files: IdSet, words: Run, total: u64) -> Self {
        Self { runs: vec![words], total, files, limit, ..Self::default() }
    }

    pub fn note(&mut self, note: Note) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        } else {
            self.more_notes += 1;
        }
    }

    /// Every different word with its count.
    pub fn words(&self) -> Run {
        Run::of(self.runs.clone())
    }

    /// Whether the limit left something out, or would.
    pub fn has_too_many(&self) -> bool {
        !self.left_out.is_empty() || self.at_most() > self.limit && self.words().len() > self.limit
    }

    /// Why the files were left out that the limit leaves out.
    pub fn too_many(&self) -> String {
        format!("it would bring more than {} different words; see --max-words", grouped(self.limit))
    }

    /// No fewer than the different words that it holds.
    fn at_most(&self) -> u64 {
        self.runs.iter().map(Run::len).sum()
    }

    /// Drops what it holds of files that are left out: a file is in whole or not at all.
    fn drop_left_out(&mut self, left_out: &IdSet) {
        if !self.files.intersection(left_out).is_empty() {
            (self.runs, self.total, self.files) = (Vec::new(), 0, IdSet::new());
        }
    }
}

impl Merge for Counts {
    /// Associative and commutative as long as the limit is not reached. Beyond it the order
    /// decides *which* files are left out; what is in is counted right all the same.
    fn merge(&mut self, mut other: Self) {
        self.limit = self.limit.max(other.limit);
        let mut left_out = self.left_out.union(&other.left_out);
        self.drop_left_out(&left_out);
        other.drop_left_out(&left_out);

        let mut runs: Vec<Run> = self.runs.iter().chain(&other.runs).cloned().collect();
        if self.at_most() + other.at_most() > self.limit {
            runs = vec![Run::of(runs)];
            if runs[0].len() > self.limit {
                left_out = left_out.union(&other.files);
                other.drop_left_out(&left_out);
                // Gone as well, if these are pages of one file.
                self.drop_left_out(&left_out);
                runs = std::mem::take(&mut self.runs);
            }
        }
        self.runs = runs;
        self.total += other.total;
        self.files = self.files.union(&other.files);
        self.left_out = left_out;
        self.more_notes += other.more_notes;
        other.notes.into_iter().for_each(|note| self.note(note));
    }
}

impl Payload for Counts {
    fn write(&self, writer: &mut Writer) {
        writer.number(self.total);
        writer.number(self.limit);
        self.files.write(writer);
        self.left_out.write(writer);
        writer.number(self.more_notes);
        self.notes.write(writer);
        self.words().write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            total: reader.number()?,
            limit: reader.number()?,
            files: IdSet::read(reader)?,
            left_out: IdSet::read(reader)?,
            more_notes: reader.number()?,
            notes: Vec::read(reader)?,
            runs: vec![Run::read(reader)?],
        })
    }
}

impl Payload for Note {
    fn write(&self, writer: &mut Writer) {
        self.path.write(writer);
        self.why.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { path: String::read(reader)?, why: String::read(reader)? })
    }
}

#[cfg(test)]
mod tests {
    use entourage::{
        core::Merge,
        workflow::{IdSet, Payload},
    };

    use super::Counts;
    use crate::table::Table;

    /// The words of `text` as those of one file, under a limit of three.
    fn counted(file: u64, text: &str) -> Counts {
        let mut table = Table::default();
        text.split(' ').for_each(|word| table.add(word));
        let (words, total) = table.take();
        Counts::new(3, IdSet::of(file), words, total)
    }

    fn text(counts: &Counts) -> String {
        counts.words().iter().map(|(word, count)| format!("{word}{count} ")).collect()
    }

    #[test]
    fn merging_adds_in_either_order_and_survives_the_wire() {
        let (a, b) = (counted(1, "ant bee bee"), counted(2, "bee cat bee"));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(b);
        ba.merge(Counts::decode(&a.encode()).unwrap());
        assert_eq!(text(&ab), "ant1 bee4 cat1 ");
        assert_eq!(ab.encode(), ba.encode());
        assert_eq!((ab.total, &ab.files), (6, &IdSet::up_to(2)));
        assert!(!ab.has_too_many());
    }

    #[test]
    fn what_would_exceed_the_limit_is_left_out_whole() {
        let mut counts = counted(1, "ant bee bee");
        counts.merge(counted(2, "cat dog"));
        counts.merge(counted(3, "cat bee"));
        assert_eq!(text(&counts), "ant1 bee3 cat1 ");
        assert_eq!((counts.total, &counts.left_out), (5, &IdSet::of(2)));
        assert_eq!(counts.files.to_string(), "1,3");
    }

    #[test]
    fn no_page_stays_of_a_file_that_is_left_out() {
        let pages = ["ant bee", "cat dog", "elk", "bee"].map(|page| counted(7, page));
        for turn in 0..4 {
            let mut turned = pages.clone();
            turned.rotate_left(turn);
            let [first, others @ ..] = turned;
            let whole = others.into_iter().fold(first, |mut whole, page| {
                whole.merge(page);
                whole
            });
            assert_eq!((text(&whole).as_str(), whole.total, whole.files.len()), ("", 0, 0));
            assert!(whole.has_too_many());
        }
        assert!(counted(7, "ant bee cat dog").has_too_many());
    }
}
