//! Bad videos, a machine without ffmpeg, and a user who has to go.

use std::{collections::BTreeMap, fs};

use entourage_testkit::{Finished, Program, Rng, Scratch, eventually};

use crate::{
    DEADLINE,
    media::{hidden, published, thumbnailer, videos},
    starts::Starts,
};

fn ended(program: &Program, status: i32) -> Finished {
    let finished = program.start().wait(DEADLINE);
    let Finished { stdout, stderr, .. } = &finished;
    assert_eq!(finished.status.code(), Some(status), "-- stdout\n{stdout}\n-- stderr\n{stderr}");
    finished
}

pub(crate) fn a_corrupt_video_is_a_dead_letter_and_the_others_are_done(mut rng: Rng) {
    let scratch = Scratch::new();
    let (media, output) = (scratch.join("media"), scratch.join("output"));
    let good = videos(&media, 3, &mut rng);
    let whole = fs::read(media.join("2.mkv")).unwrap();
    let begun = fs::read(media.join("clips/a clip 0.mp4")).unwrap();
    let bad: BTreeMap<&str, &[u8]> =
        [("cut.mp4", &begun[..2000]), ("empty.mp4", &b""[..]), ("text.avi", &b"To be, or not to be"[..])]
            .into();
    for (name, bytes) in &bad {
        fs::write(media.join(name), bytes).unwrap();
    }
    let program = thumbnailer(&media, &output);
    for run in ["a first run", "nothing to do"] {
        let finished = ended(&program, 1);
        assert_eq!(published(&output, &good), good, "{run}");
        for name in bad.keys() {
            let is_said = |line: &str| line.contains(name) && line.contains("Invalid data found");
            assert!(finished.stdout.lines().any(is_said), "{name} in {run}: {}", finished.stdout);
        }
        assert_eq!(finished.stdout.contains("nothing to do"), run == "nothing to do", "{}", finished.stdout);
    }
    assert!(hidden(&output).is_empty(), "{:?}", hidden(&output));

    // The operator has found the lost copies.
    for name in bad.keys() {
        fs::write(media.join(name), &whole).unwrap();
    }
    let finished = ended(&program.arg("--retry-dead"), 0);
    assert!(finished.stdout.contains("3 dead letters are tried again"), "{}", finished.stdout);
    let mut all = good.clone();
    all.extend(bad.keys().map(|name| ((*name).to_owned(), good["2.mkv"])));
    assert_eq!(published(&output, &all), all);
}

pub(crate) fn what_cannot_be_done_at_all_is_said_in_one_sentence(_: Rng) {
    let scratch = Scratch::new();
    let (media, output) = (scratch.join("media"), scratch.join("output"));
    fs::create_dir(&media).unwrap();
    let program = thumbnailer(&media, &output);
    let without = program.clone().env("PATH", scratch.path());
    let refused: [(&Program, &str); 4] = [
        (&without, "ffmpeg is not installed: `apt-get install ffmpeg`"),
        (&program, "there is no video in"),
        (&thumbnailer(&scratch.join("nowhere"), &output), "is no folder; name the one with the videos"),
        (&thumbnailer(&media, &scratch.join("a file/x")), "name another --output"),
    ];
    fs::write(scratch.join("a file"), "").unwrap();
    for (program, said) in refused {
        let finished = ended(program, 2);
        assert!(finished.stderr.contains(said), "{said}: {}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    }
}

pub(crate) fn who_asks_it_to_end_loses_nothing(mut rng: Rng) {
    let scratch = Scratch::new();
    let (media, output) = (scratch.join("media"), scratch.join("output"));
    let expected = videos(&media, 4, &mut rng);
    let starts = Starts::new(&scratch.join("starts"));
    let program = starts.watch(thumbnailer(&media, &output));
    starts.allow(1);
    let mut asked = program.start();
    eventually(DEADLINE, "one is done and another begun", || {
        (output.exists() && published(&output, &expected).len() == 1 && starts.log().len() > 1).then_some(())
    });
    asked.terminate();
    let finished = asked.wait(DEADLINE);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("run it again to go on"), "{}", finished.stderr);
    starts.nothing_runs();

    starts.allow(usize::MAX >> 1);
    let finished = ended(&program, 0);
    assert!(finished.stdout.contains("(3 videos by this run"), "{}", finished.stdout);
    assert_eq!(published(&output, &expected), expected);
}
