//! A thumbnailer that is killed again and again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use entourage::queue::{Queue, SqliteQueue};
use entourage_testkit::{Rng, Scratch, eventually, let_pass};

use crate::{
    DEADLINE,
    media::{hidden, published, thumbnailer, videos},
    starts::Starts,
};

const VIDEOS: u64 = 14;

/// How many more videos may be cut before each kill: it comes when the first of them is there.
const KILLS: [usize; 5] = [1, 2, 1, 1, 1];

pub(crate) fn what_was_done_before_a_kill_is_not_done_again(mut rng: Rng) {
    let scratch = Scratch::new();
    let (media, output) = (scratch.join("media"), scratch.join("output"));
    let expected = videos(&media, VIDEOS, &mut rng);
    let starts = Starts::new(&scratch.join("starts"));
    let program = starts.watch(thumbnailer(&media, &output));

    // For each video, at how many kills it was in work: begun by that run, and not recorded as done.
    // Between its pictures and the record lies a moment in which a kill has it made again.
    let mut in_work: BTreeMap<String, usize> = BTreeMap::new();
    let (mut seen, mut before) = (0, BTreeSet::new());
    for (round, more) in KILLS.into_iter().enumerate() {
        let begun = starts.log().len();
        starts.allow(more);
        let mut victim = program.start();
        let this_run = || starts.log().into_iter().skip(begun).collect::<BTreeSet<String>>();
        eventually(DEADLINE, "another video is done", || {
            assert!(victim.is_running(), "it ended before kill {round}: {:?}", victim.wait(DEADLINE));
            if let Some(again) = this_run().intersection(&before).next() {
                panic!("{again} was recorded before kill {round}, and is cut again");
            }
            (output.exists() && published(&output, &expected).len() > seen).then_some(())
        });
        let_pass(Duration::from_millis(rng.between(0..60)));
        victim.kill9();
        starts.nothing_runs();

        let now = published(&output, &expected);
        assert!(now.len() < expected.len() / 2, "{} of {VIDEOS} were done at kill {round}", now.len());
        now.iter().for_each(|(name, pictures)| {
            assert_eq!(pictures, &expected[name], "{name} was seen half-made at kill {round}");
        });
        seen = now.len();
        // What was recorded once is not to be forgotten.
        before.extend(recorded(&output));
        assert!(before.iter().all(|name| now.contains_key(name)), "a video is recorded and has no pictures");
        for name in this_run().into_iter().filter(|name| !before.contains(name)) {
            *in_work.entry(name).or_default() += 1;
        }
    }
    assert!(!in_work.is_empty(), "no kill met a video in work: it showed nothing");

    starts.allow(usize::MAX >> 1);
    drop(program.start().wait(DEADLINE).succeeded());
    assert_eq!(published(&output, &expected), expected);
    assert_eq!(hidden(&output), [] as [PathBuf; 0]);
    let counts = starts.counts();
    for name in expected.keys() {
        let (begun, killed) =
            (counts.get(name).copied().unwrap_or(0), in_work.get(name).copied().unwrap_or(0));
        assert!(
            (1..=1 + killed).contains(&begun),
            "{name} was cut {begun} times, and in work at {killed} kills"
        );
    }

    let again = program.start().wait(DEADLINE).succeeded();
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    assert_eq!(starts.counts(), counts, "what is done was done again");
}

/// The videos that the ledger has as done.
fn recorded(output: &Path) -> BTreeSet<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let records = runtime.block_on(async {
        let queue = SqliteQueue::open(output.join(".ledger.db")).unwrap();
        queue.records(&"thumbnailer".into(), "").await.unwrap()
    });
    records.into_iter().filter(|record| record.value == "done").map(|record| record.key.to_string()).collect()
}
