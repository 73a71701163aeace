//! Bad input is named, the rest is counted, and no count is ever wrong.

use std::{fs, os::unix::fs::symlink};

use entourage_testkit::{FullDisk, Program, Requirement, Scratch, eventually};

use crate::plain::{Counted, PATIENCE, run, status, wordcount};

/// Counts what `prepare` wrote; exit status 1, and what was skipped.
fn skipped(prepare: impl FnOnce(&Scratch) -> Program) -> Counted {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("in")).unwrap();
    fs::write(scratch.join("in/good.txt"), "good words\n").unwrap();
    let out = scratch.join("out.json");
    run(&prepare(&scratch).arg("--out").arg(&out), 1);
    Counted::read(&out)
}

fn usual(scratch: &Scratch) -> Program {
    wordcount(&scratch.join("in"), &scratch.join("state.db"))
}

fn only_note(counted: &Counted, path: &str, why: &str) {
    let [note] = &counted.skipped[..] else { panic!("{counted:?}") };
    assert!(note.0.ends_with(path) && note.1.contains(why), "{note:?}");
    assert_eq!(counted.words.keys().collect::<Vec<_>>(), ["good", "words"]);
}

#[test]
fn a_missing_path_is_named_and_the_rest_is_counted() {
    let counted = skipped(|scratch| usual(scratch).arg(scratch.join("nowhere")));
    only_note(&counted, "nowhere", "no such file");
}

#[test]
fn a_file_that_is_not_utf8_is_left_out_whole() {
    let counted = skipped(|scratch| {
        // The bad byte is on the second page; the first is as good as any.
        let mut bytes = "good enough ".repeat(30_000).into_bytes();
        bytes.push(0xff);
        fs::write(scratch.join("in/binary"), bytes).unwrap();
        usual(scratch)
    });
    only_note(&counted, "binary", "not UTF-8");
    assert_eq!(counted.total, 2);
}

#[test]
fn a_run_that_is_too_long_is_no_word_and_is_listed() {
    let counted = skipped(|scratch| {
        fs::write(scratch.join("in/long"), format!("good {} words", "x".repeat(600_000))).unwrap();
        usual(scratch)
    });
    only_note(&counted, "long", "more than 256 letters at byte 5");
    assert_eq!(counted.total, 4);
}

#[test]
fn links_pipes_and_odd_names_do_no_harm() {
    let counted = skipped(|scratch| {
        let inside = |name: &str| scratch.join("in").join(name);
        symlink("/", inside("root")).unwrap();
        symlink(".", inside("loop")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, inside("pipe"), rustix::fs::Mode::RUSR).unwrap();
        fs::write(inside("a \"quoted\"\nname"), "good").unwrap();
        fs::write(inside("empty"), "").unwrap();
        usual(scratch)
    });
    only_note(&counted, "pipe", "neither a file nor a directory");
    assert_eq!(counted.words["good"], 2);
}

#[test]
fn a_file_that_changes_underneath_is_left_out_whole() {
    // A run may be through with the file before it changes, and is right then too.
    assert!((0..5).any(|_| sees_the_change()), "no run came late enough to the file");
}

/// Changes the last file of a run after its listing; whether the run saw that.
fn sees_the_change() -> bool {
    let scratch = Scratch::new();
    let (input, state, out) = (scratch.join("in"), scratch.join("state.db"), scratch.join("out.json"));
    fs::create_dir(&input).unwrap();
    // Enough pages to be in the middle of them, and the file that changes comes last.
    for file in 0..3000 {
        fs::write(input.join(format!("a{file:05}")), "good words\n").unwrap();
    }
    let victim = input.join("z");
    fs::write(&victim, "good words here\n".repeat(50_000)).unwrap();
    let mut running = wordcount(&input, &state).args(["--workers", "1"]).arg("--out").arg(&out).start();
    eventually(PATIENCE, "the listing is over", || {
        state.exists().then(|| status(&input, &state)).and_then(|(pages, _)| pages)
    });
    running.pause();
    // As long as before: only its times tell.
    fs::write(&victim, "evil words here\n".repeat(50_000)).unwrap();
    running.resume();
    let finished = running.wait(PATIENCE);
    let counted = Counted::read(&out);
    assert!(!counted.words.contains_key("evil"));
    let sees_it = !finished.status.success();
    if sees_it {
        assert_eq!(counted.skipped.len(), 1, "{:?}", counted.skipped);
        assert!(counted.skipped[0].1.contains("changed"), "{:?}", counted.skipped);
        assert_eq!(counted.words["good"], 3000);
    } else {
        assert_eq!(counted.words["good"], 53_000);
    }
    sees_it
}

#[test]
fn too_many_different_words_leave_files_out_and_no_count_wrong() {
    let counted = skipped(|scratch| {
        let numbered =
            |n: u32| (0..3).map(|d| char::from(b'a' + ((n >> (d * 4)) % 16) as u8)).collect::<String>();
        fs::write(scratch.join("in/many"), (0..4096).map(|n| numbered(n) + " ").collect::<String>()).unwrap();
        usual(scratch).args(["--max-words", "1000"])
    });
    only_note(&counted, "many", "more than 1,000 different words");
}

#[test]
fn a_state_that_is_not_ours_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("in")).unwrap();
    let state = scratch.join("state.db");
    fs::write(&state, "dear diary, ".repeat(1000)).unwrap();
    for program in [usual(&scratch), usual(&scratch).arg("--fresh"), usual(&scratch).arg("--status")] {
        let refused = run(&program, 2);
        assert!(refused.stderr.contains("state.db"), "{}", refused.stderr);
        assert!(fs::read_to_string(&state).unwrap().starts_with("dear diary"));
    }
}

#[test]
fn nothing_at_all_is_an_empty_count() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("in")).unwrap();
    let out = scratch.join("out.json");
    run(&usual(&scratch).arg("--out").arg(&out), 0);
    let counted = Counted::read(&out);
    assert_eq!((counted.pages, counted.total, counted.words.len()), (0, 0, 0));
    assert_eq!(status(&scratch.join("in"), &scratch.join("state.db")), (Some(0), 0));
}

#[test]
fn a_full_disk_stops_it_with_a_message_and_room_lets_it_go_on() {
    if !Requirement::from(FullDisk::available()).is_met("full-disk") {
        return;
    }
    let (scratch, disk) = (Scratch::new(), FullDisk::new(24 << 20));
    let (input, state, out) = (scratch.join("in"), disk.path().join("state.db"), scratch.join("out.json"));
    fs::create_dir(&input).unwrap();
    for file in 0..2000 {
        fs::write(input.join(format!("{file:05}")), "good words\n").unwrap();
    }
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0; (24 << 20) - (300 << 10)]).unwrap();
    let program = wordcount(&input, &state).arg("--out").arg(&out);
    let stopped = program.start().wait(PATIENCE);
    assert!(matches!(stopped.status.code(), Some(1 | 2)), "{stopped:?}");
    assert!(stopped.stderr.contains("no space left"), "{}", stopped.stderr);
    fs::remove_file(&ballast).unwrap();
    run(&program, 0);
    assert_eq!(Counted::read(&out).words["good"], 2000);
}
