//! The worker stage: counts the words of up to 64 pages in one step.

use std::collections::BTreeMap;

use entourage::{
    core::BoxError,
    queue::{Ask, Bundle, Publication, StateWrite},
    workflow::{Contribution, Emitted, IdSet, Input, Payload, Reduce, Tombstone, Work, Writer},
    workqueue::Outcome,
};

use crate::{
    counts::{Counts, Note, Table, Words, write_word},
    page::{Page, PageReader},
    words::{self, MAX_CHARS},
};

/// Most pages in one step.
const PAGES: usize = 64;

/// Bytes of counted text after which a step ends early, so that its results stay small.
const STEP_BYTES: u64 = PAGES as u64 * crate::page::PAGE_BYTES;

/// Different words after which a worker's table begins anew.
const TABLE_WORDS: usize = 600_000;

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
    tally: Tally,
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
            tally: Tally::default(),
            record,
            settled: 0,
            in_step: 0,
        }
    }

    /// Counts pages of one file, the whole of it or not.
    fn file(&mut self, pages: &[&Page]) -> Contribution<Counts> {
        let mut part = Contribution { ids: IdSet::new(), tombstones: Vec::new(), last: None, value: None };
        let mut notes = Vec::new();
        for page in pages {
            match self.page(page, &mut notes) {
                Ok(()) => {}
                Err(why) => {
                    notes.push(Note { path: page.path.display().to_string(), why: why.clone() });
                    part.tombstones.push(Tombstone { ids: IdSet::of(page.number), reason: why });
                }
            }
            part.ids.insert(page.number);
        }
        let mut counts = self.tally.take(self.reducers.limit);
        notes.into_iter().for_each(|note| counts.note(note));
        // Every worker of a file knows its manifest: the file's own size gave it.
        part.last = pages.first().map(|page| page.of);
        part.value = Some(counts);
        part
    }

    fn page(&mut self, page: &Page, notes: &mut Vec<Note>) -> Result<(), String> {
        let window = self.reader.read(page)?;
        let mut sink = Counting { tally: &mut self.tally, overlong: Vec::new() };
        let counted = words::of_page(window.bytes, window.begin, window.end, &mut sink);
        for at in sink.overlong {
            let why = format!("a run of more than {MAX_CHARS} letters at byte {}", window.offset + at as u64);
            notes.push(Note { path: page.path.display().to_string(), why });
        }
        counted.map_err(|_| "not UTF-8".to_owned())
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
        let mut whole: Option<Contribution<Counts>> = None;
        for (&file, pages) in &files {
            let part = self.file(pages);
            if part.is_complete() {
                let done = finish_file(file, part);
                match &mut whole {
                    None => whole = Some(done),
                    Some(whole) => drop(whole.absorb(done)?),
                }
            } else {
                emitted.publish.extend(self.reducers.of_file(file, format!("{file}/{first}"), part));
            }
        }
        if let Some(whole) = whole {
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
        let mut counts = Counts::new(self.reducers.limit);
        counts.note(Note { path: page.path.display().to_string(), why: reason.to_owned() });
        let buried = Contribution::tombstone(page.number, reason);
        let part = Contribution { last: Some(page.of), value: Some(counts), ..buried };
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
    StateWrite { key: record.to_owned(), expected: None, value: Some(pages.encode()) }
}

/// A complete file as one contribution to the whole: all of it, or nothing and why.
pub fn finish_file(file: u64, part: Contribution<Counts>) -> Contribution<Counts> {
    let mut counts = part.value.unwrap_or_default();
    if let Some(tombstone) = part.tombstones.first() {
        let why = counts.notes.into_iter().find(|note| note.why == tombstone.reason);
        counts = Counts { notes: why.into_iter().collect(), ..Counts::new(counts.limit) };
    } else {
        counts.files = IdSet::of(file);
    }
    Contribution::of(file, counts)
}

/// The words of the pages at hand, over a table that lives on from step to step.
#[derive(Debug, Default)]
struct Tally {
    table: Table,
    seen: Vec<usize>,
    total: u64,
}

impl Tally {
    fn add(&mut self, word: &str) {
        let place = self.table.add(word, 1);
        if self.table.count(place) == 1 {
            self.seen.push(place);
        }
        self.total += 1;
    }

    /// What was counted since the last time.
    fn take(&mut self, limit: u64) -> Counts {
        let mut list = Writer::default();
        for &place in &self.seen {
            let count = self.table.take(place);
            write_word(&mut list, self.table.word(place), count);
        }
        let words = Words::Flat { words: self.seen.len() as u64, bytes: list.finish() };
        self.seen.clear();
        if self.table.len() > TABLE_WORDS {
            self.table = Table::default();
        }
        Counts { words, total: std::mem::take(&mut self.total), ..Counts::new(limit) }
    }
}

struct Counting<'a> {
    tally: &'a mut Tally,
    overlong: Vec<usize>,
}

impl words::Sink for Counting<'_> {
    fn word(&mut self, word: &str) {
        self.tally.add(word);
    }

    fn overlong(&mut self, at: usize) {
        self.overlong.push(at);
    }
}
