//! The worker stage: counts the words of up to 64 pages in one step.

use std::collections::BTreeMap;

use entourage::{
    core::BoxError,
    queue::{Ask, Bundle, Publication, StateWrite},
    workflow::{Contribution, Emitted, IdSet, Input, Payload, Reduce, Work},
    workqueue::Outcome,
};

use crate::{
    counts::{Counts, Note},
    page::{Page, PageReader},
    table::Table,
    words::{self, MAX_CHARS},
};

/// Most pages in one step.
const PAGES: usize = 64;

/// Bytes of counted text after which a step ends early, so that its results stay small.
const STEP_BYTES: u64 = PAGES as u64 * crate::page::PAGE_BYTES;

/// What the results of a worker's steps are handed to.
#[derive(Clone, Debug)]
pub struct Reducers {
    /// Pages of one file.
    pub pages: Reduce<Counts>,
    /// Files of the whole.
    pub files: Reduce<Counts>,
    /// Most different words of the whole.
    pub limit: u64,
}

impl Reducers {
    /// What the pages of one file come to.
    fn of_file(&self, file: u64, id: String, contribution: Contribution<Counts>) -> Vec<Publication> {
        self.pages.admit(&Bundle::from(file.to_string()), id, contribution)
    }

    /// What whole files come to.
    pub fn of_files(&self, id: String, contribution: Contribution<Counts>) -> Vec<Publication> {
        self.files.admit(&Bundle::from("files"), id, contribution)
    }
}

/// Counts words, page by page.
#[derive(Debug)]
pub struct Count {
    reducers: Reducers,
    reader: PageReader,
    table: Table,
    /// What was left out of the pages in the table, and why.
    notes: Vec<Note>,
    /// The record of what this worker of this run has settled.
    record: String,
    settled: u64,
    in_step: u64,
}

impl Count {
    pub fn new(reducers: Reducers, record: String) -> Self {
        Self {
            reducers,
            reader: PageReader::default(),
            table: Table::default(),
            notes: Vec::new(),
            record,
            settled: 0,
            in_step: 0,
        }
    }

    /// Counts a page into the table: all of it, or nothing and why.
    fn page(&mut self, page: &Page) -> Result<(), String> {
        let window = self.reader.read(page)?;
        let mut sink = Counting { table: &mut self.table, overlong: Vec::new() };
        let counted = words::of_page(window.bytes, window.begin, window.end, &mut sink);
        for at in sink.overlong {
            let why = format!("a run of more than {MAX_CHARS} letters at byte {}", window.offset + at as u64);
            self.notes.push(Note { path: page.path.display().to_string(), why });
        }
        counted.map_err(|_| "not UTF-8".to_owned())
    }

    /// What is in the table, as the words of these files.
    fn take(&mut self, files: IdSet) -> Counts {
        let (words, total) = self.table.take();
        let mut counts = Counts::new(self.reducers.limit, files, words, total);
        self.notes.drain(..).for_each(|note| counts.note(note));
        counts
    }

    /// Counts small files together, which spares them a table each; returns those it did not.
    fn small_files<'a>(
        &mut self,
        files: BTreeMap<u64, Vec<&'a Page>>,
        whole: &mut Contribution<Counts>,
    ) -> Result<BTreeMap<u64, Vec<&'a Page>>, BoxError> {
        let mut together = IdSet::new();
        let mut others = BTreeMap::new();
        for (file, pages) in files {
            // Not even if each second byte began another word would there be too many.
            let fits = |page: &Page| self.table.len() + page.length.div_ceil(2) <= self.reducers.limit;
            match pages[..] {
                [page] if page.of == 1 && fits(page) => match self.page(page) {
                    Ok(()) => drop(together.insert(file)),
                    Err(why) => drop(whole.absorb(Contribution::tombstone(file, why))?),
                },
                _ => drop(others.insert(file, pages)),
            }
        }
        let counts = self.take(together.clone());
        whole.absorb(Contribution::of_all(together, counts))?;
        Ok(others)
    }

    /// Counts pages of one file, the whole of it or not.
    fn file(&mut self, file: u64, pages: &[&Page]) -> Result<Contribution<Counts>, BoxError> {
        let (mut good, mut part) = (IdSet::new(), Contribution::of_all(IdSet::new(), Counts::default()));
        for page in pages {
            match self.page(page) {
                Ok(()) => drop(good.insert(page.number)),
                Err(why) => drop(part.absorb(Contribution::tombstone(page.number, why))?),
            }
            // Every worker of a file knows its manifest: the file's own size gave it.
            part.absorb(Contribution::manifest(page.of))?;
        }
        let counts = self.take(IdSet::of(file));
        part.absorb(Contribution::of_all(good, counts))?;
        Ok(part)
    }
}

impl Work for Count {
    type Input = Page;

    fn ask(&self) -> Ask {
        Ask::up_to(PAGES)
    }

    fn work(&mut self, batch: &[Input<Page>]) -> Result<Emitted, BoxError> {
        // The first page always, and then as many as fit.
        let mut bytes = 0;
        let fits = |input: &&Input<Page>| {
            let fits = bytes < STEP_BYTES;
            bytes += input.value.length;
            fits
        };
        let taken = batch.iter().take_while(fits).count();
        let mut files: BTreeMap<u64, Vec<&Page>> = BTreeMap::new();
        for input in &batch[..taken] {
            files.entry(input.value.file).or_default().push(&input.value);
        }
        let first = batch.first().map_or(0, |input| input.delivery().receipt().epoch);
        let mut emitted = Emitted { outcomes: vec![Outcome::Done; taken], ..Emitted::default() };
        let mut whole = Contribution::of_all(IdSet::new(), Counts::default());
        for (file, pages) in self.small_files(files, &mut whole)? {
            let part = self.file(file, &pages)?;
            if part.is_complete() {
                whole.absorb(finish_file(file, part))?;
            } else {
                emitted.publish.extend(self.reducers.of_file(file, format!("{file}/{first}"), part));
            }
        }
        if !whole.ids.is_empty() {
            emitted.publish.extend(self.reducers.of_files(format!("step/{first}"), whole));
        }
        self.in_step = taken as u64;
        emitted.state.push(settled(&self.record, self.settled + self.in_step));
        Ok(emitted)
    }

    fn applied(&mut self) {
        self.settled += self.in_step;
    }

    fn dead(&mut self, page: Page, reason: &str) -> Emitted {
        let part = Contribution { last: Some(page.of), ..Contribution::tombstone(page.number, reason) };
        let id = format!("dead/{}/{}", page.file, page.number);
        let publish = if part.is_complete() {
            self.reducers.of_files(id, finish_file(page.file, part))
        } else {
            self.reducers.of_file(page.file, id, part)
        };
        let record = format!("settled/dead/{}-{}", page.file, page.number);
        Emitted { publish, state: vec![settled(&record, 1)], ..Emitted::default() }
    }
}

/// The record of so many settled pages.
fn settled(record: &str, pages: u64) -> StateWrite {
    StateWrite { key: record.into(), expected: None, value: Some(pages.encode()) }
}

/// A complete file as one contribution to the whole: all of it, or nothing and why.
pub fn finish_file(file: u64, part: Contribution<Counts>) -> Contribution<Counts> {
    let counts = part.value.unwrap_or_default();
    match part.tombstones.into_iter().next() {
        Some(tombstone) => Contribution::tombstone(file, tombstone.reason),
        None if counts.has_too_many() => Contribution::tombstone(file, counts.too_many()),
        None => Contribution::of(file, counts),
    }
}

struct Counting<'a> {
    table: &'a mut Table,
    overlong: Vec<usize>,
}

impl words::Sink for Counting<'_> {
    fn word(&mut self, word: &str) {
        self.table.add(word);
    }

    fn overlong(&mut self, at: usize) {
        self.overlong.push(at);
    }
}

#[cfg(test)]
mod tests {
    use entourage::workflow::{Contribution, IdSet};

    use super::finish_file;
    use crate::{counts::Counts, table::Table};

    #[test]
    fn a_file_is_in_whole_or_it_is_a_tombstone() {
        let counts = |limit| {
            let mut table = Table::default();
            ["ant", "bee"].iter().for_each(|word| table.add(word));
            let (words, total) = table.take();
            Counts::new(limit, IdSet::of(7), words, total)
        };
        let whole = finish_file(7, Contribution::of_all(IdSet::up_to(3), counts(2)));
        assert_eq!(whole.value.map(|counts| counts.total), Some(2));
        assert!(whole.tombstones.is_empty());

        let mut torn = Contribution::of_all(IdSet::up_to(3), counts(2));
        torn.absorb(Contribution::tombstone(4, "unreadable")).unwrap();
        let large = Contribution::of_all(IdSet::up_to(3), counts(1));
        for (part, why) in [(torn, "unreadable"), (large, "more than 1 different words")] {
            let left_out = finish_file(7, part);
            assert!(left_out.value.is_none());
            assert_eq!(left_out.ids, IdSet::of(7));
            assert!(left_out.tombstones[0].reason.contains(why), "{left_out:?}");
        }
    }
}
