//! A program that is killed at each step, and another that goes on.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use entourage_core::{Moment, Shutdown};
use entourage_queue::Item;
use entourage_testkit::{Program, eventually_async};
use entourage_workqueue::{FileWorker, Folders, Outcome, Script, Worker};

use super::server::{Reply, Server, Stop, file};
use crate::bench::{Bench, DEADLINE, attempt_at};

/// It stays at its beginning for as long as it is told to.
const SCRIPT: &str = r#"#!/bin/sh
if [ ! -e "$OUT/stayed" ]; then
    touch "$OUT/stayed"
    # More than a pipe holds: it is read once the guard was told, and then this goes on.
    head -c 200000 /dev/zero
    touch "$OUT/stays"
    sleep 100
fi
echo run >> "$OUT/runs"
for n in 1 2 3 4; do cp "$INPUT_FILE" "$OUTPUT_DIR/$n"; done
"#;

/// What the test below kills; by itself it does nothing.
#[tokio::test]
async fn the_program_that_is_killed() {
    let (Some(out), Ok(server)) = (env::var_os("ENTOURAGE_TEST_FILES"), env::var("ENTOURAGE_TEST_SERVER"))
    else {
        return;
    };
    let out = std::path::PathBuf::from(out);
    let worker = FileWorker::new(Script::text(SCRIPT).unwrap())
        .with_hosts([&server])
        .unwrap()
        .with_output_url(format!("http://{server}/out"))
        .unwrap()
        .with_command(|command| command.env("OUT", &out))
        .with_folders(Folders::kept_under(out.join("work")));
    let item = Item::new("x", format!("http://{server}/in"));
    let attempt = attempt_at(&item, 1, Moment::NEVER, &Shutdown::new());
    let outcome = worker.work(&item, &attempt).await;
    assert_eq!(outcome, Outcome::Done, "{:?}", attempt.explanation());
    std::fs::write(out.join("done"), "").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_at_each_step_goes_on_behind_what_was_done() {
    let bench = Bench::new();
    let content: Vec<u8> = (0_u32..500_000).flat_map(u32::to_be_bytes).collect();
    let (gets, twos) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (whole, asked, put) = (content.clone(), Arc::clone(&gets), Arc::clone(&twos));
    let server = Server::start(move |seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", _) if asked.fetch_add(1, Ordering::Relaxed) == 0 => {
            file(seen, &whole, "\"a\"").stopping(1_000_000, Stop::Hang)
        }
        ("GET", _) => file(seen, &whole, "\"a\""),
        // It is taken, and the answer does not come.
        ("PUT", "/out/x/2") if put.fetch_add(1, Ordering::Relaxed) == 0 => {
            Reply::raw("").stopping(0, Stop::Hang)
        }
        _ => Reply::status(200),
    })
    .await;
    let start = || {
        Program::this_test()
            .args(["--exact", "file_worker::kills::the_program_that_is_killed", "--nocapture"])
            .env("ENTOURAGE_TEST_FILES", bench.scratch.path())
            .env("ENTOURAGE_TEST_SERVER", server.address.to_string())
            .env("TMPDIR", bench.scratch.path())
            .start()
    };

    // In the middle of the fetch, when a part was written.
    let mut program = start();
    let partial = bench.path("work");
    let written = || {
        let folder = std::fs::read_dir(&partial).ok()?.flatten().next()?.path();
        (folder.join("state/partial").metadata().ok()?.len() > 500_000).then_some(())
    };
    eventually_async(DEADLINE, "a part is written", async || written()).await;
    program.kill9();

    // While the script runs.
    let mut program = start();
    let stays = bench.path("stays");
    eventually_async(DEADLINE, "the script runs", async || stays.exists().then_some(())).await;
    program.kill9();

    // When a file was sent, and no answer has come to it.
    let mut program = start();
    eventually_async(DEADLINE, "the second is sent", async || {
        (twos.load(Ordering::Relaxed) == 1).then_some(())
    })
    .await;
    program.kill9();

    let _program = start();
    let done = bench.path("done");
    eventually_async(DEADLINE, "it is done", async || done.exists().then_some(())).await;
    let asked = server.seen("GET");
    assert_eq!(asked.len(), 2, "a file that is there is not asked for");
    let from: usize =
        asked[1].header("range").expect("it goes on")[6..].trim_end_matches('-').parse().unwrap();
    assert!((500_000..=1_000_000).contains(&from), "from {from}");
    assert_eq!(bench.read("runs"), "run\n", "a script that was done is not run again");
    assert_eq!(server.puts(), ["/out/x/1", "/out/x/2", "/out/x/2", "/out/x/3", "/out/x/4"]);
    assert!(server.seen("PUT").iter().all(|put| put.body == content));
}
