//! A plain count to judge by, and the program under test.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use entourage::{
    queue::{Group, Queue, SqliteQueue},
    workflow::Payload,
};
use entourage_testkit::{Finished, Program, Rng};
use serde_json::Value;

/// Longer than any run should take on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The program, on this state and output.
pub(crate) fn wordcount(input: &Path, state: &Path) -> Program {
    Program::example("wordcount").arg(input).arg("--state").arg(state).args([
        "--delivery-limit",
        "100",
        "--top",
        "3",
    ])
}

/// What a run that wrote its output has to say.
#[derive(Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) words: BTreeMap<String, u64>,
    pub(crate) total: u64,
    pub(crate) pages: u64,
    pub(crate) counted: u64,
    pub(crate) skipped: Vec<(String, String)>,
}

impl Counted {
    pub(crate) fn read(out: &Path) -> Self {
        let json: Value = serde_json::from_slice(&fs::read(out).unwrap()).unwrap();
        let number = |name: &str| json[name].as_u64().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let words = json["words"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(word, count)| (word.clone(), count.as_u64().unwrap()));
        let skipped =
            json["skipped"].as_array().unwrap().iter().map(|note| (text(&note["path"]), text(&note["why"])));
        Self {
            words: words.collect(),
            skipped: skipped.collect(),
            total: number("total"),
            pages: number("pages"),
            counted: number("counted"),
        }
    }
}

/// Runs the program to its end; its exit status must be `status`.
pub(crate) fn run(program: &Program, status: i32) -> Finished {
    let finished = program.start().wait(PATIENCE);
    assert_eq!(finished.status.code(), Some(status), "{}\n{}", finished.stdout, finished.stderr);
    finished
}

/// What `--status` prints: pages, and those settled.
pub(crate) fn status(input: &Path, state: &Path) -> (Option<u64>, u64) {
    let printed = run(&wordcount(input, state).arg("--status"), 0).stdout;
    let json: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 2, "{printed}");
    (json["pages"].as_u64(), json["settled"].as_u64().unwrap())
}

/// The pages that each run has settled, as the state has it; a run is named by its process.
pub(crate) async fn settled_by_run(state: &Path) -> BTreeMap<u32, u64> {
    let queue = SqliteQueue::open(state).unwrap();
    let mut runs = BTreeMap::new();
    for record in queue.records(&Group::from("wordcount"), "settled/").await.unwrap() {
        let process = record.key.trim_start_matches("settled/").split('-').next().unwrap().parse().unwrap();
        *runs.entry(process).or_default() += u64::decode(&record.value).unwrap();
    }
    runs
}

/// Counts in the simplest way there is.
pub(crate) fn count(texts: &BTreeMap<PathBuf, String>) -> BTreeMap<String, u64> {
    let mut words = BTreeMap::new();
    for text in texts.values() {
        for run in text
            .split(|c: char| !c.is_alphabetic())
            .filter(|run| !run.is_empty() && run.chars().count() <= 256)
        {
            *words.entry(run.to_lowercase()).or_default() += 1;
        }
    }
    words
}

/// Writes `files` small files in some directories, and a few large ones of several pages.
pub(crate) fn tree(root: &Path, files: u64, rng: &mut Rng) -> BTreeMap<PathBuf, String> {
    const SYLLABLES: [&str; 12] = ["ka", "Lo", "mi", "nü", "pe", "ra", "so", "tau", "ven", "wist", "ze", "ß"];
    let mut texts = BTreeMap::new();
    for file in 0..files {
        let words = if file % 1000 == 999 { 90_000 } else { 20 + rng.between(0..200) };
        let mut text = String::new();
        for _ in 0..words {
            for _ in 0..=rng.between(0..3) {
                text.push_str(SYLLABLES[rng.between(0..12) as usize]);
            }
            text.push_str(if rng.between(0..12) == 0 { ".\n" } else { " " });
        }
        let folder = root.join(format!("part-{:02}", file / 200));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{file:06}.txt"));
        fs::write(&path, &text).unwrap();
        texts.insert(path, text);
    }
    texts
}
