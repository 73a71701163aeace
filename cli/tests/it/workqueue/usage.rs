//! What cannot work.

use entourage_testkit::Scratch;

use super::PATIENCE;
use crate::entourage;

#[test]
fn what_cannot_work_is_refused_with_status_2_before_anything_is_contacted() {
    let scratch = Scratch::new();
    let ledger = format!("sqlite:{}", scratch.join("ledger.db").display());
    let sound = ["--source", "dir:/tmp", "--ledger", &ledger];
    let with = |more: &[&'static str]| {
        let mut arguments: Vec<String> = sound.iter().map(|text| (*text).to_owned()).collect();
        arguments.extend(more.iter().map(|text| (*text).to_owned()));
        arguments
    };
    let of = |source: &str, ledger: &str| {
        ["--source", source, "--ledger", ledger, "--", "true"].map(str::to_owned).to_vec()
    };
    let naming = |source: &str| [&["--input-file".to_owned()], &of(source, &ledger)[..]].concat();
    for (arguments, says) in [
        (with(&[]), "--worker"),
        (with(&["--", "no-such-program"]), "PATH"),
        (with(&["--worker", "./no/such"]), "is not there"),
        (with(&["--parallelism", "0", "--", "true"]), "auto"),
        (with(&["--parallelism", "2", "--max-parallelism", "4", "--", "true"]), "say auto"),
        (
            with(&[
                "--parallelism",
                "auto",
                "--min-parallelism",
                "4",
                "--max-parallelism",
                "2",
                "--",
                "true",
            ]),
            "no less",
        ),
        (with(&["--memory-limit", "512", "--", "true"]), "512MiB"),
        (with(&["--time-limit", "soon", "--", "true"]), "soon"),
        (with(&["--time-limit", "0s", "--", "true"]), "time limit"),
        (with(&["--lease", "1ms", "--", "true"]), "10 ms"),
        (with(&["--delivery-limit", "0", "--", "true"]), "delivery limit"),
        (with(&["--exit-dead", "0", "--", "true"]), "two meanings"),
        (with(&["--exit-retry", "256", "--", "true"]), "256"),
        (with(&["--interval", "0s", "--", "true"]), "--interval"),
        (with(&["--glob", "[", "--", "true"]), "no pattern"),
        (with(&["--input-file", "--contents", "--", "true"]), "without --contents"),
        (naming("http://127.0.0.1:1"), "any file of this machine"),
        (naming("redis-list://127.0.0.1:1/jobs"), "any file of this machine"),
        (naming("redis-stream://127.0.0.1:1/jobs"), "any file of this machine"),
        (with(&["--name", "", "--", "true"]), "--name"),
        (of("ftp://me:hunter2@a", &ledger), "http://HOST"),
        (of("https://me:hunter2@a", &ledger), "proxy"),
        (of("http://me:hunter2@a", &ledger), "without user"),
        (of("redis-list://me:hunter2@a", &ledger), "KEY"),
        (of("redis-stream://me:hunter2@a/7", &ledger), "no number"),
        (of("dir:/tmp", "postgres://me:hunter2@a"), "sqlite:PATH"),
        (of("dir:/tmp", "redis://me:hunter2@a/7"), "no number"),
    ] {
        for check in [&["--check"][..], &[]] {
            let program = entourage().args(["workqueue", "run"]).args(check).args(&arguments);
            let finished = program.start().wait(PATIENCE);
            assert_eq!(finished.status.code(), Some(2), "{arguments:?}: {finished:?}");
            let all = format!("{}{}", finished.stdout, finished.stderr);
            assert!(all.contains(says) && !all.contains("hunter2"), "{arguments:?}: {finished:?}");
        }
    }
    let sound = entourage().args(["workqueue", "run", "--check"]).args(with(&["--", "true"]));
    let _ = sound.start().wait(PATIENCE).succeeded();
    assert!(!scratch.join("ledger.db").exists());
}

#[test]
fn what_cannot_be_served_is_refused() {
    for (arguments, says) in [
        (&["ftp://me:hunter2@a"][..], "http://HOST"),
        (&["--listen", "nowhere", "/tmp"], "HOST:PORT"),
        (&["--recursive", "http://a"], "for a directory"),
        (&["--shape", "round", "/tmp"], "sample"),
        (&["redis-list://me:hunter2@a/jobs"], "used up"),
    ] {
        let program = entourage().args(["workqueue", "serve-source"]).args(arguments);
        let finished = program.start().wait(PATIENCE);
        assert_eq!(finished.status.code(), Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(says) && !finished.stderr.contains("hunter2"), "{finished:?}");
    }
}
