//! The generic worker: what it fetches, runs and sends, and what it does not do twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fetching;
mod kills;
mod managed;
mod parts;
mod places;
mod resuming;
mod running;
mod sending;
mod server;

use std::{path::PathBuf, time::Duration};

use entourage_core::{Moment, Shutdown};
use entourage_queue::Item;
use entourage_workqueue::{FileLimits, FileWorker, Folders, ItemName, Outcome, Script, Worker};

use self::server::Server;
use crate::bench::{Bench, attempt_at};

/// A script that copies its input to an output, and counts how often it ran.
const COPIES: &str = r#"#!/bin/sh
echo run >> "$OUT/runs"
cat "$INPUT_FILE" > "$OUTPUT_DIR/copy"
"#;

/// A worker with this script, which may ask the server and sends there.
fn worker(bench: &Bench, server: &Server, script: &str) -> FileWorker {
    with_script(bench, server, Script::text(script).unwrap())
}

fn with_script(bench: &Bench, server: &Server, script: Script) -> FileWorker {
    FileWorker::new(script)
        .with_hosts([server.address.to_string()])
        .unwrap()
        .with_output_url(format!("http://{}/out", server.address))
        .unwrap()
        .with_command(|command| command.env("OUT", bench.scratch.path()))
        .with_folders(Folders::kept_under(work(bench)))
}

fn work(bench: &Bench) -> PathBuf {
    bench.path("work")
}

/// An item whose file is at this path of the server.
fn item(server: &Server, path: &str) -> Item {
    Item::new("an item", format!(r#"{{"url":"http://{}{path}"}}"#, server.address))
}

/// One attempt, and the reason if it failed.
async fn once(worker: &FileWorker, item: &Item, number: u32) -> (Outcome, String) {
    let attempt = attempt_at(item, number, Moment::NEVER, &Shutdown::new());
    let outcome = worker.work(item, &attempt).await;
    let why = match &outcome {
        Outcome::Dead(why) => why.clone(),
        Outcome::Done => String::new(),
        _ => attempt.explanation().unwrap_or_default(),
    };
    (outcome, why)
}

/// Where the outputs of the item of this name are sent.
fn out(name: &str) -> String {
    format!("/out/{}", ItemName::new(name).unwrap().file_name())
}

/// Limits under which a silent server is soon given up.
fn impatient() -> FileLimits {
    FileLimits::new().with_silence(Duration::from_secs(1))
}

/// Numbers in a row, so that a part in the wrong place shows.
fn content(bytes: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(bytes).collect()
}
