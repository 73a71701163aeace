//! `entourage workqueue`: sources, workers and ledgers as a shell has them.

mod faults;
mod files;
mod flags;
mod foreign;
mod served;
mod usage;
mod used_up;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use entourage_testkit::{Program, Scratch, eventually};

use crate::entourage;

const PATIENCE: Duration = Duration::from_secs(60);

/// `entourage workqueue run` with a ledger in this folder, impatient with files and failures.
fn run(scratch: &Scratch, source: &str) -> Program {
    let ledger = format!("sqlite:{}", scratch.join("ledger.db").display());
    let impatient =
        ["--backoff", "10ms", "--backoff-cap", "20ms", "--report", "100ms", "--interval", "200ms"];
    entourage()
        .args(["workqueue", "run", "--name", "work", "--source", source, "--ledger", &ledger])
        .args(impatient)
}

/// The same for the files below `inbox`.
fn run_files(scratch: &Scratch) -> Program {
    run(scratch, &format!("dir:{}", scratch.join("inbox").display())).args(["--settle", "0s"])
}

/// A worker of somebody else's, in sh.
fn worker(scratch: &Scratch, script: &str) -> PathBuf {
    let path = scratch.join("worker.sh");
    fs::write(&path, format!("#!/bin/sh\nset -eu\n{script}\n")).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    path
}

/// So many files in `inbox`, called 1, 2 and so on.
fn files(scratch: &Scratch, number: usize) {
    fs::create_dir_all(scratch.join("inbox")).expect("it can be made");
    for file in 1..=number {
        fs::write(scratch.join("inbox").join(file.to_string()), format!("file {file}"))
            .expect("it can be written");
    }
}

/// The lines of a file that workers append to; none while there is none.
fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Waits until that file has so many lines.
fn has_lines(path: &Path, number: usize) -> Vec<String> {
    eventually(PATIENCE, &format!("{} has {number} lines", path.display()), || {
        Some(lines(path)).filter(|lines| lines.len() >= number)
    })
}

/// Which of these is there how often, in order.
fn counted(mut lines: Vec<String>) -> Vec<(String, usize)> {
    lines.sort_by_key(|line| (line.len(), line.clone()));
    lines.chunk_by(|a, b| a == b).map(|same| (same[0].clone(), same.len())).collect()
}
