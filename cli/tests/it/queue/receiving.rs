//! Items of a topic into a shell.

use std::fs;

use entourage_testkit::eventually;

use super::{PATIENCE, Site, words};

fn numbers(site: &Site, last: u32) {
    let published = site.sh(&format!("seq 1 {last} | q publish --lines")).start().wait(PATIENCE);
    assert_eq!(words(&published.succeeded().stdout, "published "), last as usize);
}

#[test]
fn what_is_only_looked_at_is_given_back_unburnt() {
    for site in Site::each() {
        numbers(&site, 3);
        for _ in 0..2 {
            let seen = site.ran("receive", &[]).succeeded().stdout;
            assert_eq!(seen.matches(r#""attempt":1"#).count(), 3, "{seen}");
        }
        assert_eq!(site.counts(), [3, 0, 0, 0]);
        assert_eq!(site.ran("receive", &["--raw", "--max", "2"]).succeeded().stdout, "1\n2\n");
    }
}

#[test]
fn what_was_not_written_is_given_back_when_the_reader_leaves() {
    let site = Site::sqlite();
    // Each is more than a pipe holds, so that only what is read is written.
    let publish =
        "for n in 1 2 3 4 5 6; do head -c 200000 /dev/zero | tr '\\0' $n | q publish - --id $n; done";
    let _ = site.sh(publish).start().wait(PATIENCE).succeeded();
    let script = "{ q receive --accept --raw || echo $? > status; } | head -c 250000 > /dev/null; cat status";
    let ended = site.sh(script).start().wait(PATIENCE);
    assert_eq!(ended.stdout, "1\n", "{ended:?}");
    assert!(ended.stderr.contains("the rest was given back"), "{ended:?}");
    assert_eq!(site.counts(), [5, 0, 0, 0], "the first was written, and the second half of the way");
    let rest = site.ran("receive", &["--wait", "0s"]).succeeded().stdout;
    assert_eq!(rest.matches(r#""attempt":1"#).count(), 5, "no attempt is burnt");
}

#[test]
fn q1_kill_9_while_receiving_loses_nothing() {
    let site = Site::sqlite();
    numbers(&site, 400);
    let out = site.scratch.join("out");
    let receive =
        format!(r#"exec "$ENTOURAGE" queue receive mail --accept --raw --lease 1s >> {}"#, out.display());
    let seen = |least: usize| {
        eventually(PATIENCE, &format!("{least} are written"), || {
            let text = fs::read_to_string(&out).unwrap_or_default();
            (text.lines().count() >= least).then_some(text)
        })
    };
    for kill in 1..=2 {
        let mut killed = site.sh(&receive).start();
        seen(kill * 60);
        killed.kill9();
    }
    let last = site.sh(&receive).start();
    eventually(PATIENCE, "all is accepted", || (site.counts() == [0, 0, 0, 0]).then_some(()));
    drop(last);
    let mut all: Vec<u32> = seen(400).lines().map(|line| line.parse().expect("a number")).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (1..=400).collect::<Vec<_>>());
}

#[test]
fn q4_sigterm_ends_a_receiver_that_waits_and_one_whose_command_runs() {
    let site = Site::sqlite();
    numbers(&site, 1);
    let mut waits = site.queue("receive", &["--accept", "--raw"]).start();
    waits.wait_line("its item", |line| line == "1", PATIENCE);
    waits.terminate();
    let _ = waits.wait(PATIENCE).succeeded();
    assert_eq!(site.counts(), [0, 0, 0, 0]);

    numbers(&site, 2);
    let (began, go) = (site.scratch.join("began"), site.scratch.join("go"));
    let script = format!("echo >> {}; while ! [ -e {} ]; do sleep 0.02; done", began.display(), go.display());
    let mut runs = site.queue("receive", &["--log", "info", "--", "sh", "-c", &script]).start();
    eventually(PATIENCE, "a command runs", || began.exists().then_some(()));
    runs.terminate();
    eventually(PATIENCE, "it drains", || runs.stderr().contains("draining").then_some(()));
    fs::write(go, "").expect("it can be written");
    let _ = runs.wait(PATIENCE).succeeded();
    assert_eq!(site.counts(), [1, 0, 0, 0], "what was in work is done, and nothing else was taken");
}
