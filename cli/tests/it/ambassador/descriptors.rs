//! The limit of descriptors, as the shell sets it.

use std::fs;

use entourage_testkit::{Process, Program, Scratch};
use serde_json::Value;

use super::PATIENCE;

/// Starts the program with a soft limit and a hard one; nobody listens where its servers would be.
fn limited(scratch: &Scratch, soft: u32, hard: u32, more: &str) -> Process {
    let file = scratch.join("nutcracker.yml");
    let listen = scratch.join("alpha.sock");
    let config = format!(
        "alpha:\n  listen: {}\n  redis: true\n{more}  servers:\n   - 127.0.0.1:1:1\n",
        listen.display()
    );
    fs::write(&file, config).expect("it can be written");
    let script = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$@\"");
    let program = Program::new("sh").args(["-c", &script, "sh", env!("CARGO_BIN_EXE_entourage")]);
    program.args(["ambassador", "shard", "--stats-port", "0", "-c"]).arg(file).start()
}

/// The line of the log about how many clients fit, and the number.
fn fitting(mut process: Process) -> (String, u64) {
    entourage_testkit::eventually(PATIENCE, "the pool is served", || {
        process.stderr().contains("a pool is served").then_some(())
    });
    process.terminate();
    let log = process.wait(PATIENCE).succeeded().stderr;
    let lines: Vec<_> = log.lines().filter(|line| line.contains("clients fit")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    let line: Value = serde_json::from_str(lines[0]).expect("it is JSON");
    let message = line["fields"]["message"].as_str().expect("it is said").to_owned();
    (message, line["fields"]["clients"].as_u64().expect("it says how many"))
}

#[test]
fn the_soft_limit_is_raised_and_the_log_says_how_many_clients_fit() {
    let scratch = Scratch::new();
    let (message, clients) = fitting(limited(&scratch, 64, 900, "  client_connections: 500\n"));
    assert_eq!(message, "so many clients fit");
    assert!((501..900).contains(&clients), "{clients}");
}

#[test]
fn fewer_clients_than_are_configured_are_a_warning() {
    let scratch = Scratch::new();
    let (message, clients) = fitting(limited(&scratch, 900, 900, ""));
    assert!(message.contains("fewer clients fit than are configured; raise the limit"), "{message}");
    assert!((501..900).contains(&clients), "{clients}");
}

#[test]
fn a_limit_that_leaves_no_room_for_clients_is_refused_with_what_to_do() {
    let scratch = Scratch::new();
    let ended = limited(&scratch, 100, 100, "  server_connections: 100\n").wait(PATIENCE);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for says in ["this process may have 100 descriptors", "raise the limit", "`server_connections`"] {
        assert!(ended.stderr.contains(says), "{ended:?}");
    }
}
