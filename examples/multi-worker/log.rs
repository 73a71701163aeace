//! Which steps were begun, by which run, for which image.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};

/// A file to which every run adds a line for each step that it begins.
#[derive(Clone, Debug)]
pub struct Log(PathBuf);

/// A step that was begun.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Begun {
    /// The process of the run.
    pub run: u32,
    pub step: String,
    pub image: String,
}

impl Log {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Adds a line, whole even beside those of other processes.
    pub fn begin(&self, step: &str, image: &str) -> io::Result<()> {
        let line = format!("{} {step} {image}\n", std::process::id());
        OpenOptions::new().create(true).append(true).open(&self.0)?.write_all(line.as_bytes())
    }

    /// All lines, in their order.
    pub fn read(path: &Path) -> io::Result<Vec<Begun>> {
        let text = std::fs::read_to_string(path)?;
        let line = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let (run, step, image) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
            Some(Begun { run, step: step.to_owned(), image: image.to_owned() })
        };
        Ok(text.lines().filter_map(line).collect())
    }
}

/// Steps that were finished, because the next one was begun, and were begun again afterwards.
pub fn redone(log: &[Begun], steps: &[&str]) -> Vec<Begun> {
    let place = |step: &str| steps.iter().position(|known| *known == step).unwrap_or(0);
    let mut furthest: BTreeMap<&str, usize> = BTreeMap::new();
    let mut redone = Vec::new();
    for begun in log {
        let reached = furthest.entry(&begun.image).or_default();
        if place(&begun.step) < *reached {
            redone.push(begun.clone());
        }
        *reached = (*reached).max(place(&begun.step));
    }
    redone
}

/// How many images each run began each step for.
pub fn table(log: &[Begun], steps: &[&str]) -> Table {
    let mut runs: Vec<u32> = Vec::new();
    log.iter().for_each(|begun| {
        if !runs.contains(&begun.run) {
            runs.push(begun.run)
        }
    });
    let mut table = Table::new();
    let heads = (1..=runs.len()).map(|run| format!("run {run}"));
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(std::iter::once("step begun by".to_owned()).chain(heads));
    for step in steps {
        let count = |run: &u32| log.iter().filter(|begun| begun.run == *run && begun.step == *step).count();
        let counts = runs.iter().map(|run| count(run).to_string());
        table.add_row(std::iter::once((*step).to_owned()).chain(counts));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{Begun, redone};

    fn begun(run: u32, step: &str, image: &str) -> Begun {
        Begun { run, step: step.to_owned(), image: image.to_owned() }
    }

    #[test]
    fn a_step_is_redone_if_a_later_one_was_begun_before() {
        let steps = ["a", "b", "c"];
        let log = [begun(1, "a", "x"), begun(1, "b", "x"), begun(1, "a", "y"), begun(2, "b", "x")];
        assert_eq!(redone(&log, &steps), []);
        let again = begun(2, "a", "x");
        let log = [&log[..], std::slice::from_ref(&again)].concat();
        assert_eq!(redone(&log, &steps), [again]);
    }
}
