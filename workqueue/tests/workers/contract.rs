//! What a command is told, byte for byte.

use std::{collections::BTreeMap, fs, time::Duration};

use entourage_queue::Item;
use entourage_workqueue::{CommandWorker, Ended, Outcome, Worker};

use crate::bench::{Bench, attempt, attempt_at, in_time, is_retry};

#[tokio::test]
async fn q9_the_item_file_is_the_data_byte_for_byte_and_its_owners_alone() {
    let bench = Bench::new();
    let worker = bench.sh(r#"cp "$WORK_ITEM_FILE" "$OUT/data" && [ "$INPUT_FILE" = "$WORK_ITEM_FILE" ] &&
        stat -c '%a %F' "$WORK_ITEM_FILE" "$(dirname "$WORK_ITEM_FILE")" . > "$OUT/modes""#);
    let every: Vec<u8> = (0..=255).collect();
    let large = every.repeat(4096);
    for payload in [&b""[..], b"\n", b"{\"video\": \"a.mp4\"}", b"no end of line", &every, &large] {
        let item = Item::new("an item", payload.to_vec());
        assert_eq!(worker.work(&item, &attempt(&item)).await, Outcome::Done, "{:?}", bench.last());
        assert!(fs::read(bench.path("data")).unwrap() == payload, "of {} bytes", payload.len());
        let kind = if payload.is_empty() { "regular empty file" } else { "regular file" };
        assert_eq!(bench.read("modes"), format!("600 {kind}\n700 directory\n700 directory\n"));
    }
}

#[tokio::test]
async fn q9_a_worker_in_any_language_runs() {
    let bench = Bench::new();
    let script = r#"
import json, os, sys
data = json.load(open(os.environ["WORK_ITEM_FILE"]))
open(os.path.join(os.environ["OUT"], "sum"), "w").write(str(sum(data["numbers"])))
sys.exit(0 if data["numbers"] else 65)
"#;
    let worker = bench.python(script);
    let item = Item::new("sum", r#"{"numbers": [1, 2, 39]}"#);
    assert_eq!(worker.work(&item, &attempt(&item)).await, Outcome::Done, "{:?}", bench.last());
    assert_eq!(bench.read("sum"), "42");
    let empty = Item::new("none", r#"{"numbers": []}"#);
    assert_eq!(worker.work(&empty, &attempt(&empty)).await, Outcome::Dead("exit status 65".into()));
    // A program that knows nothing of us, and takes its file as an argument.
    let worker = bench.command(CommandWorker::new("grep").args(["-q", "numbers", "$(WORK_ITEM_FILE)"]));
    assert_eq!(worker.work(&item, &attempt(&item)).await, Outcome::Done);
}

#[tokio::test]
async fn a_command_is_told_its_item_its_attempt_its_fence_and_its_time() {
    let bench = Bench::new();
    let worker =
        bench.sh(r#"env -0 > "$OUT/env""#).env("MEDIA_PATH", "/media").env_remove("HOME").env_clear();
    let item = Item::new("videos/cat 1.mp4", "data");
    let attempt = attempt_at(&item, 3, in_time(Duration::from_secs(1000)), &entourage_core::Shutdown::new());
    assert_eq!(worker.work(&item, &attempt).await, Outcome::Done, "{:?}", bench.last());
    let text = bench.read("env");
    let mut env: BTreeMap<_, _> =
        text.split_terminator('\0').filter_map(|line| line.split_once('=')).collect();
    assert_eq!(env.remove("ENTOURAGE_ITEM"), Some("videos/cat 1.mp4"));
    assert_eq!(env.remove("ENTOURAGE_ATTEMPT"), Some("3"));
    assert_eq!(env.remove("ENTOURAGE_FENCE"), Some("73"));
    assert_eq!(env.remove("ENTOURAGE_FENCE_SCOPE"), Some("videos/cat 1.mp4"));
    assert_eq!(env.remove("ENTOURAGE_FENCE_REALM"), Some("0000000000000000000000000000beef"));
    assert_eq!(env.remove("MEDIA_PATH"), Some("/media"));
    let left: u64 = env.remove("ENTOURAGE_DEADLINE_SECONDS").expect("it has a deadline").parse().unwrap();
    assert!((900..1000).contains(&left), "{left}");
    let ours = ["INPUT_FILE", "OUT", "PATH", "PWD", "WORK_ITEM_FILE", "_", "SHLVL", "OLDPWD"];
    assert!(env.keys().all(|name| ours.contains(name)), "{:?}", env.keys());
}

#[tokio::test]
async fn without_a_deadline_none_is_told_and_none_is_inherited() {
    let bench = Bench::new();
    let worker =
        bench.sh(r#"printf '%s %s' "${ENTOURAGE_DEADLINE_SECONDS-none}" "${PATH:+path}" > "$OUT/said""#);
    assert_eq!(bench.once(&worker).await.outcome, Outcome::Done);
    assert_eq!(bench.read("said"), "none path");
}

#[tokio::test]
async fn a_hostile_id_is_one_argument_and_never_a_shells() {
    let bench = Bench::new();
    let worker = bench.sh(r#"printf '%s' "$1" > "$OUT/said""#).arg("id=$(ENTOURAGE_ITEM)=$$");
    for id in [
        "; touch pwned",
        "$(touch pwned)",
        "`touch pwned`",
        "../../x",
        "a\nb",
        "$(ENTOURAGE_FENCE)",
        "-rf",
        "ünï",
    ] {
        let item = Item::new(id, "");
        assert_eq!(worker.work(&item, &attempt(&item)).await, Outcome::Done, "{:?}", bench.last());
        assert_eq!(bench.read("said"), format!("id={id}=$$"));
    }
}

#[tokio::test]
async fn an_id_that_no_environment_holds_is_a_dead_letter_with_the_reason() {
    let bench = Bench::new();
    let worker = bench.sh("exit 0");
    for id in ["a\0b".to_owned(), "x".repeat(1 << 20)] {
        let item = Item::new(id, "");
        let Outcome::Dead(why) = worker.work(&item, &attempt(&item)).await else {
            panic!("{:?}", bench.last())
        };
        assert!(why.starts_with("sh cannot be started: "), "{why}");
        assert!(matches!(bench.last().ended, Ended::Impossible(_)));
    }
}

#[tokio::test]
async fn a_configuration_that_no_environment_holds_is_no_items_end() {
    let bench = Bench::new();
    for value in ["a\0b".to_owned(), "x".repeat(1 << 20)] {
        let report = bench.once(&bench.sh("exit 0").env("VALUE", value)).await;
        assert!(is_retry(&report.outcome), "{report:?}");
        let Ended::NotStarted(why) = report.ended else { panic!("{:?}", report.ended) };
        assert!(why.starts_with("sh cannot be started: "), "{why}");
    }
}

#[tokio::test]
async fn a_command_has_no_input_and_is_where_its_files_are() {
    let bench = Bench::new();
    let worker = bench
        .sh(r#"cat > "$OUT/input"; touch made; [ "$(dirname "$PWD")" = "$(dirname "$WORK_ITEM_FILE")" ]"#);
    assert_eq!(bench.once(&worker).await.outcome, Outcome::Done, "{:?}", bench.last());
    assert_eq!(bench.read("input"), "");
}
